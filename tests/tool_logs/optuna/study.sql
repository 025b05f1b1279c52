BEGIN TRANSACTION;
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'lr-sweep');
INSERT INTO "studies" VALUES(2,'multi');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MINIMIZE',1,0);
INSERT INTO "study_directions" VALUES(2,'MINIMIZE',2,0);
INSERT INTO "study_directions" VALUES(3,'MAXIMIZE',2,1);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_intermediate_values" VALUES(1,1,0,1.01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,1,1.00922502808835301557e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,1,2,1.00845125640948718448e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,1,3,1.00767868217728029378e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,1,4,1.00690730261422789482e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,1,5,1.00613711495140756291e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,1,6,1.00536811642844803316e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,1,7,1.00460030429349522762e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,1,8,1.00383367580317872658e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(10,1,9,1.00306822822258090432e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,1,10,1.00230395882520251227e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,1,11,1.00154086489293137063e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(13,1,12,1.00077894371601039402e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(14,1,13,1.00001819259300428477e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(15,1,14,9.99258608830768779718e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(16,1,15,9.98500189744418564785e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(17,1,16,9.97742932657295189535e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(18,1,17,9.96986834900936313985e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(19,1,18,9.96231893815043401119e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(20,1,19,9.95478106747451740865e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(21,2,0,1.046,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(22,2,1,1.0142590391390404747e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(23,2,2,9.84471065771252096254e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(24,2,3,9.56461211763054541812e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(25,2,4,9.30074880590133656887e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(26,2,5,0.905174892585889,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(27,2,6,8.81639099399418202374e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(28,2,7,8.59358380089008333513e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(29,2,8,8.38234949471930668174e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(30,2,9,8.18180923401027326846e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(31,2,10,7.9911709656650731226e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(32,2,11,7.80971896979670843208e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(33,2,12,7.63680488041458938042e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(34,2,13,7.47183994449287069983e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(35,2,14,7.31428832464191769346e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(36,2,15,7.1636612848462954961e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(37,2,16,7.01951212634893462194e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(38,2,17,6.88143176314531368475e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(39,2,18,6.74904484478241473155e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(40,2,19,6.62200634907364582559e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(41,3,0,1.029,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(42,3,1,1.02871905157319032397e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(43,3,2,1.02843826096607804387e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(44,3,3,1.0281576280457211947e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(45,3,4,1.02787715267932577845e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(46,3,5,1.02759683473424678901e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(47,3,6,1.02731667407798910041e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(48,3,7,1.02703667057820546837e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(49,3,8,1.02675682410269719646e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(50,3,9,1.02647713451941413609e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(51,3,10,1.02619760169645402037e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(52,3,11,1.02591822550206179798e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(53,3,12,1.02563900580463096545e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(54,3,13,1.02535994247270201285e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(55,3,14,1.0250810353749622017e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(56,3,15,1.02480228438024667525e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(57,3,16,1.0245236893575366821e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(58,3,17,1.02424525017596,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(59,3,18,1.02396696670479170343e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(60,3,19,1.0236888388134515182e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(61,4,0,1.02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(62,4,1,1.0167540978449705058e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(63,5,0,1.044,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(64,6,0,1.017,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(65,6,1,6.34408296431247742397e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(66,6,2,4.63558658523402444817e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(67,6,3,3.66770054451431126718e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(68,6,4,3.04464126646026844724e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(69,6,5,2.60999523289727086705e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(70,6,6,2.28952313309379873462e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(71,6,7,2.04346043892670192754e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(72,6,8,1.84858747439277326662e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(73,6,9,1.69043535210091577791e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(74,6,10,1.55951854812044710119e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(75,6,11,1.44935953284221541448e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(76,6,12,1.3553840078598153318e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(77,6,13,0.127426972783785,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(78,6,14,1.20354555491107295672e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(79,6,15,1.14133531321903930466e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(80,6,16,1.08618889757908551607e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(81,6,17,1.03696782298015530154e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(82,6,18,9.92765785379999265991e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(83,6,19,0.095285234469801,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(84,7,0,1.04,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(85,8,0,1.061,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(86,9,0,1.036,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(87,10,0,1.039,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(88,11,0,1.021,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(89,11,1,9.76779270282015610327e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(90,11,2,9.36303865438627425099e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(91,11,3,8.99117295143554096092e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(92,11,4,8.64834357175760182201e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(93,11,5,8.33127744362324396121e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(94,11,6,8.03717561597418805874e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(95,11,7,7.76363041025227129665e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(96,11,8,7.50855935793483530993e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(97,11,9,7.27015208564335879692e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(98,11,10,7.0468272809466092621e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(99,11,11,6.83719757520980464526e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(100,11,12,6.64004069478374869817e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(101,11,13,6.45427561287930329214e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(102,11,14,6.27894271922819546816e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(103,11,15,0.611318723939128,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(104,11,16,5.95624529894912768668e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(105,11,17,5.80743215310485894065e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(106,11,18,5.6661321990579083252e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(107,11,19,5.53179046387912487503e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(108,12,0,1.019,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(109,12,1,5.62015327599564518123e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(110,12,2,3.91698037176277880089e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(111,12,3,3.02711611721795725848e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(112,12,4,2.48028198632272184331e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(113,12,5,2.11018069414382225534e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(114,12,6,1.84305326109219735908e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(115,12,7,1.64117229661218971825e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(116,12,8,1.48323458710857419839e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(117,12,9,1.35630074929606964095e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(118,12,10,1.25205745846246524477e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(119,12,11,1.16491969619079940856e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(120,12,12,1.09099638082374675307e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(121,12,13,1.02749341720550377288e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(122,12,14,9.72352566867146911322e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(123,12,15,9.24024167017394176815e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(124,12,16,0.088131918777223,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(125,12,17,8.43310093215068473648e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(126,12,18,8.09262702335271644216e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(127,12,19,7.78588301064362803272e-02,'FINITE');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'lr',7.75572958905538178096e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 1.0, "log": true}}');
INSERT INTO "trial_params" VALUES(2,1,'width',10.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(3,1,'opt',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam"]}}');
INSERT INTO "trial_params" VALUES(4,2,'lr',3.27814764210031112101e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 1.0, "log": true}}');
INSERT INTO "trial_params" VALUES(5,2,'width',46.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(6,2,'opt',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam"]}}');
INSERT INTO "trial_params" VALUES(7,3,'lr',2.81027381010399762359e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 1.0, "log": true}}');
INSERT INTO "trial_params" VALUES(8,3,'width',29.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(9,3,'opt',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam"]}}');
INSERT INTO "trial_params" VALUES(10,4,'lr',3.25647234563388159739e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 1.0, "log": true}}');
INSERT INTO "trial_params" VALUES(11,4,'width',20.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(12,4,'opt',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam"]}}');
INSERT INTO "trial_params" VALUES(13,5,'lr',5.34868367060889644826e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 1.0, "log": true}}');
INSERT INTO "trial_params" VALUES(14,5,'width',44.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(15,5,'opt',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam"]}}');
INSERT INTO "trial_params" VALUES(16,6,'lr',6.19673732569216095811e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 1.0, "log": true}}');
INSERT INTO "trial_params" VALUES(17,6,'width',17.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(18,6,'opt',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam"]}}');
INSERT INTO "trial_params" VALUES(19,7,'lr',8.68557838932220160899e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 1.0, "log": true}}');
INSERT INTO "trial_params" VALUES(20,7,'width',40.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(21,7,'opt',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam"]}}');
INSERT INTO "trial_params" VALUES(22,8,'lr',1.99830347516570500099e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 1.0, "log": true}}');
INSERT INTO "trial_params" VALUES(23,8,'width',61.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(24,8,'opt',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam"]}}');
INSERT INTO "trial_params" VALUES(25,9,'lr',7.54622050915315406745e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 1.0, "log": true}}');
INSERT INTO "trial_params" VALUES(26,9,'width',36.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(27,9,'opt',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam"]}}');
INSERT INTO "trial_params" VALUES(28,10,'lr',1.04613694289210829024e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 1.0, "log": true}}');
INSERT INTO "trial_params" VALUES(29,10,'width',39.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(30,10,'opt',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam"]}}');
INSERT INTO "trial_params" VALUES(31,11,'lr',4.62666758873485281511e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 1.0, "log": true}}');
INSERT INTO "trial_params" VALUES(32,11,'width',21.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(33,11,'opt',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam"]}}');
INSERT INTO "trial_params" VALUES(34,12,'lr',8.41568643044694142396e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 1.0, "log": true}}');
INSERT INTO "trial_params" VALUES(35,12,'width',19.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(36,12,'opt',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam"]}}');
INSERT INTO "trial_params" VALUES(37,13,'x',3.41694781371368883071e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(38,13,'y',3.93191979192328844305e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(39,14,'x',2.07159180818197063977e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(40,14,'y',5.81964243212884091427e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(41,15,'x',8.04710183433711812028e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(42,15,'y',2.24892375893186446944e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(43,16,'x',7.06199069229833886751e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(44,16,'y',4.29381503084759863497e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,9.95478106747451740865e-01,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,6.62200634907364582559e-01,'FINITE');
INSERT INTO "trial_values" VALUES(3,3,0,1.0236888388134515182e+00,'FINITE');
INSERT INTO "trial_values" VALUES(4,4,0,1.0167540978449705058e+00,'FINITE');
INSERT INTO "trial_values" VALUES(5,5,0,1.044,'FINITE');
INSERT INTO "trial_values" VALUES(6,6,0,0.095285234469801,'FINITE');
INSERT INTO "trial_values" VALUES(7,7,0,1.04,'FINITE');
INSERT INTO "trial_values" VALUES(8,8,0,1.061,'FINITE');
INSERT INTO "trial_values" VALUES(9,9,0,1.036,'FINITE');
INSERT INTO "trial_values" VALUES(10,10,0,1.039,'FINITE');
INSERT INTO "trial_values" VALUES(11,11,0,5.53179046387912487503e-01,'FINITE');
INSERT INTO "trial_values" VALUES(12,12,0,7.78588301064362803272e-02,'FINITE');
INSERT INTO "trial_values" VALUES(13,13,0,1.16755323616427584589e-03,'FINITE');
INSERT INTO "trial_values" VALUES(14,13,1,3.93191979192328844305e-02,'FINITE');
INSERT INTO "trial_values" VALUES(15,14,0,4.29149261972664661235e-02,'FINITE');
INSERT INTO "trial_values" VALUES(16,14,1,5.81964243212884091427e-01,'FINITE');
INSERT INTO "trial_values" VALUES(17,15,0,6.47558479321918123439e-01,'FINITE');
INSERT INTO "trial_values" VALUES(18,15,1,2.24892375893186446944e-01,'FINITE');
INSERT INTO "trial_values" VALUES(19,16,0,4.98717125381083703494e-01,'FINITE');
INSERT INTO "trial_values" VALUES(20,16,1,4.29381503084759863497e-01,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-30 09:51:22.243794','2026-11-30 09:51:23.075383');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-30 09:51:23.109407','2026-11-30 09:51:23.751237');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-30 09:51:23.790502','2026-11-30 09:51:24.523472');
INSERT INTO "trials" VALUES(4,3,1,'PRUNED','2026-11-30 09:51:24.542267','2026-11-30 09:51:24.770566');
INSERT INTO "trials" VALUES(5,4,1,'PRUNED','2026-11-30 09:51:24.804362','2026-11-30 09:51:24.941286');
INSERT INTO "trials" VALUES(6,5,1,'COMPLETE','2026-11-30 09:51:24.966162','2026-11-30 09:51:25.754434');
INSERT INTO "trials" VALUES(7,6,1,'PRUNED','2026-11-30 09:51:25.798812','2026-11-30 09:51:25.938815');
INSERT INTO "trials" VALUES(8,7,1,'PRUNED','2026-11-30 09:51:25.965972','2026-11-30 09:51:26.091034');
INSERT INTO "trials" VALUES(9,8,1,'PRUNED','2026-11-30 09:51:26.126965','2026-11-30 09:51:26.252533');
INSERT INTO "trials" VALUES(10,9,1,'PRUNED','2026-11-30 09:51:26.286742','2026-11-30 09:51:26.422489');
INSERT INTO "trials" VALUES(11,10,1,'COMPLETE','2026-11-30 09:51:26.523962','2026-11-30 09:51:27.427564');
INSERT INTO "trials" VALUES(12,11,1,'COMPLETE','2026-11-30 09:51:27.469034','2026-11-30 09:51:27.915395');
INSERT INTO "trials" VALUES(13,0,2,'COMPLETE','2026-11-30 09:51:27.982436','2026-11-30 09:51:28.033168');
INSERT INTO "trials" VALUES(14,1,2,'COMPLETE','2026-11-30 09:51:28.041799','2026-11-30 09:51:28.072775');
INSERT INTO "trials" VALUES(15,2,2,'COMPLETE','2026-11-30 09:51:28.083540','2026-11-30 09:51:28.106516');
INSERT INTO "trials" VALUES(16,3,2,'COMPLETE','2026-11-30 09:51:28.119177','2026-11-30 09:51:28.144753');
COMMIT;
