"""Estimates with honest errors from dependent series: numpy arrays in, frozen dataclasses out.

`settle` a series once, then ask `window_mean`, `trend`, `noise`; subtract with `difference`, adjust with
`holm`. Every result carries the ID of its definition (`analysis.findings.definitions`).
"""

from analysis.statistics.counts import Tokens as Tokens
from analysis.statistics.counts import design_effect as design_effect
from analysis.statistics.counts import proportion_difference as proportion_difference
from analysis.statistics.counts import tokens_per_batch as tokens_per_batch
from analysis.statistics.counts import wilson as wilson
from analysis.statistics.estimate import DETECTABLE as DETECTABLE
from analysis.statistics.estimate import Estimate as Estimate
from analysis.statistics.estimate import as_ratio as as_ratio
from analysis.statistics.estimate import difference as difference
from analysis.statistics.estimate import equivalence_p as equivalence_p
from analysis.statistics.estimate import estimate as estimate
from analysis.statistics.estimate import holm as holm
from analysis.statistics.estimate import required_size as required_size
from analysis.statistics.estimate import t_quantile as t_quantile
from analysis.statistics.estimate import t_tail as t_tail
from analysis.statistics.estimate import unknown as unknown
from analysis.statistics.learning_rates import RateCurve as RateCurve
from analysis.statistics.learning_rates import rate_curve as rate_curve
from analysis.statistics.levels import Settled as Settled
from analysis.statistics.levels import common_stride as common_stride
from analysis.statistics.levels import local_lag as local_lag
from analysis.statistics.levels import log_level as log_level
from analysis.statistics.levels import log_noise as log_noise
from analysis.statistics.levels import log_noise_difference as log_noise_difference
from analysis.statistics.levels import noise as noise
from analysis.statistics.levels import settle as settle
from analysis.statistics.levels import trend as trend
from analysis.statistics.levels import window_mean as window_mean
from analysis.statistics.levels import window_ratio as window_ratio
from analysis.statistics.longrun import fit_line as fit_line
from analysis.statistics.online import online_level as online_level
from analysis.statistics.seeds import expected_lead as expected_lead
from analysis.statistics.seeds import interquartile_mean as interquartile_mean
from analysis.statistics.seeds import iqm_difference as iqm_difference
from analysis.statistics.seeds import one_against_group as one_against_group
from analysis.statistics.seeds import paired_seed_difference as paired_seed_difference
from analysis.statistics.seeds import pooled_sd as pooled_sd
from analysis.statistics.seeds import probability_of_improvement as probability_of_improvement
from analysis.statistics.seeds import seed_difference as seed_difference
from analysis.statistics.seeds import seed_iqm as seed_iqm
from analysis.statistics.seeds import seed_mean as seed_mean
from analysis.statistics.seeds import tipping_point as tipping_point
from analysis.statistics.series import burn_in as burn_in
from analysis.statistics.series import direction_change_rate as direction_change_rate
from analysis.statistics.series import oscillates as oscillates
from analysis.statistics.series import oscillation_rate as oscillation_rate
from analysis.statistics.series import oscillation_rate_of_noise as oscillation_rate_of_noise
from analysis.statistics.series import rolling_sd as rolling_sd
from analysis.statistics.series import spacings as spacings
from analysis.statistics.spikes import Spikes as Spikes
from analysis.statistics.spikes import find_spikes as find_spikes
from analysis.statistics.validation import evaluation_scatter as evaluation_scatter
from analysis.statistics.validation import full_validation as full_validation
from analysis.statistics.validation import luck_of_course as luck_of_course
from analysis.statistics.validation import p_any_overlap as p_any_overlap
from analysis.statistics.validation import paired_difference as paired_difference
from analysis.statistics.validation import required_examples as required_examples
from analysis.statistics.validation import share_difference as share_difference
from analysis.statistics.validation import share_level as share_level
from analysis.statistics.validation import spread_per_example as spread_per_example
