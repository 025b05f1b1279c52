(() => {
  "use strict";
  const { reports: entries, signs } = JSON.parse(document.getElementById("data").textContent);
  const reports = Object.entries(entries).flatMap(([id, { shown }]) => (shown ? [{ id, ...shown }] : []));
  const at = (id) => document.getElementById(id);
  const root = document.documentElement;
  root.classList.add("scripted");

  // Text goes in as text, links as attributes: nothing in a report can become markup here.
  const fill = (part, attributes, children) => {
    for (const [name, value] of Object.entries(attributes)) if (value !== undefined) part.setAttribute(name, value);
    part.append(...children);
    return part;
  };
  const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
  const draw = (tag, attributes = {}, ...children) =>
    fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
  const tone = (name) => (Object.hasOwn(signs, name) ? name : "unknown");
  const glyph = (name) => make("span", { class: "rr-glyph", "aria-hidden": "true" }, signs[tone(name)]);
  const minor = (text) => make("span", { class: "rr-minor" }, text);
  const number = new Intl.NumberFormat("en");
  const short = (value) => String(Number(value.toPrecision(4))).replace("-", "−");

  for (const report of reports) {
    report.performance = report.differences.find((one) => !one.noise);
    report.noise = report.differences.find((one) => one.noise);
    report.words = [report.title, report.id, report.candidate, report.baseline, report.result, report.date]
      .join("\n").toLowerCase();
  }

  const columns = [
    { name: "Report", key: (r) => r.title.toLowerCase() },
    { name: "Made", key: (r) => `${r.date} ${String(r.made).padStart(16, "0")}` },
    { name: "Verdict", key: (r) => r.result },
    { name: "Candidate", key: (r) => r.candidate.toLowerCase() },
    { name: "Baseline", key: (r) => r.baseline.toLowerCase() },
    { name: "Performance", key: (r) => r.performance?.value, right: true },
    { name: "Noise", key: (r) => r.noise?.value, right: true },
    { name: "Loss" },
    { name: "Files" },
  ];
  const state = { query: "", results: new Set(), sort: "Made", down: true, metric: "" };

  // What is shown can be linked to: it stands behind the "#".
  const restore = () => {
    const given = new URLSearchParams(location.hash.slice(1));
    state.query = given.get("q") || "";
    state.results = new Set(given.getAll("verdict"));
    const column = columns.find((one) => one.key && one.name === given.get("sort"));
    if (column) [state.sort, state.down] = [column.name, given.get("down") === "1"];
  };
  const keep = () => {
    const held = new URLSearchParams();
    if (state.query) held.set("q", state.query);
    for (const result of state.results) held.append("verdict", result);
    if (state.sort !== "Made" || !state.down) { held.set("sort", state.sort); held.set("down", state.down ? "1" : "0"); }
    try { history.replaceState(null, "", `#${held}`); } catch (e) { /* some browsers refuse for files */ }
  };

  const link = (report, file) => `${encodeURIComponent(report.id)}/${file}`;
  const form = (file) => file.slice(file.lastIndexOf(".") + 1).toUpperCase();
  const difference = (one) =>
    one ? [make("span", { class: `rr-tone ${tone(one.tone)}` }, glyph(one.tone), one.shown), minor(one.interval)] : [];

  const spark = (heights) => {
    if (!heights.length) return [];
    const x = (i) => 2 + (i * 92) / Math.max(1, heights.length - 1);
    const path = heights.map((h, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${(21 - h / 5.2).toFixed(1)}`).join("");
    const line = draw("path", { d: path, fill: "none", stroke: "currentColor", "stroke-width": "1.2", "stroke-linejoin": "round" });
    return [draw("svg", { class: "spark", width: 96, height: 24, viewBox: "0 0 96 24", "aria-hidden": "true" }, line)];
  };

  const cell = (label, children, attributes = {}) => make("td", { role: "cell", "data-label": label, ...attributes }, ...children);
  const row = (r) => make("tr", { role: "row" },
    make("th", { role: "rowheader", scope: "row", dir: "auto" },
      r.files.length ? make("a", { href: link(r, r.files[0]) }, r.title) : r.title, minor(r.id)),
    cell("Made", [r.date], { class: "date" }),
    cell("", [make("span", { class: `rr-badge ${tone(r.tone)}` }, glyph(r.tone), r.result)]),
    cell("Candidate", [r.candidate], { dir: "auto" }),
    cell("Baseline", r.baseline ? [r.baseline] : [], { dir: "auto" }),
    cell(r.performance?.label || "", [...difference(r.performance), ...(r.performance ? [make("span", { class: "rr-minor metric" }, r.performance.label)] : [])],
      { class: "right performance" }),
    cell("Noise", difference(r.noise), { class: "right" }),
    cell("", spark(r.curve)),
    cell("", r.files.map((file) => make("a", { href: link(r, file), "aria-label": `${form(file)} of ${r.title}` }, form(file))),
      { class: "links" }));

  // Rows are made when they are about to be seen: two thousand at once would keep the reader waiting.
  const body = document.querySelector("tbody");
  const more = at("more");
  let shown = [];
  const reveal = (count) => {
    const from = body.childElementCount;
    body.append(...shown.slice(from, from + count).map(row));
    more.hidden = body.childElementCount >= shown.length;
  };
  new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) reveal(60); }, { rootMargin: "900px" })
    .observe(more);
  more.firstElementChild.addEventListener("click", () => reveal(Infinity));
  addEventListener("beforeprint", () => reveal(Infinity));

  const order = (one, two) => {
    if (one === two) return 0;
    if (one === undefined) return 2;
    if (two === undefined) return -2;
    return one < two ? -1 : 1;
  };
  const choose = () => {
    const words = state.query.toLowerCase().split(/\s+/).filter(Boolean);
    const { key } = columns.find((column) => column.name === state.sort);
    const sign = state.down ? -1 : 1;
    const found = reports.filter((r) => words.every((word) => r.words.includes(word)));
    shown = (state.results.size ? found.filter((r) => state.results.has(r.result)) : found)
      .map((r) => [key(r), columns[1].key(r), r])
      .sort((a, b) => {
        const by = order(a[0], b[0]); // what has no value comes last either way
        return (Math.abs(by) === 2 ? by : sign * by) || order(b[1], a[1]);
      })
      .map((entry) => entry[2]);
    for (const button of at("results").children)
      button.lastChild.textContent = ` ${number.format(found.filter((r) => r.result === button.dataset.result).length)}`;
  };

  const show = () => {
    choose();
    body.replaceChildren();
    reveal(30);
    const all = number.format(reports.length);
    at("count").textContent = shown.length === reports.length ? `${all} reports` : `${number.format(shown.length)} of ${all} reports`;
    for (const head of document.querySelectorAll("thead [aria-sort]"))
      head.setAttribute("aria-sort", head.dataset.name !== state.sort ? "none" : state.down ? "descending" : "ascending");
    for (const button of at("results").children)
      button.setAttribute("aria-pressed", String(state.results.has(button.dataset.result)));
    trend();
    keep();
  };
  let waiting = 0;
  const soon = () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(show); };

  // The trend: the candidates' own level in one metric, oldest report first.
  const HIGH = 220, LEFT = 56, BASE = 196, TOP = 12;
  const MARKS = { good: "h0", bad: "m-3 -3l6 6m0 -6l-6 6", other: "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0" };
  let points = [], wide = 960;
  const area = document.querySelector("#trend .rr-scroll");
  const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
  const trend = () => {
    const labels = [...new Set(shown.map((r) => r.level?.label).filter(Boolean))];
    const count = (label) => shown.filter((r) => r.level?.label === label).length;
    labels.sort((a, b) => count(b) - count(a) || order(a, b));
    if (!labels.includes(state.metric)) state.metric = labels[0] || "";
    at("metric").replaceChildren(...labels.map((label) => make("option", { value: label }, label)));
    at("metric").value = state.metric;
    at("metric").closest("p").hidden = labels.length < 2;
    const used = shown.filter((r) => r.level?.label === state.metric)
      .sort((a, b) => order(columns[1].key(a), columns[1].key(b)));
    at("trend").hidden = used.length < 2;
    if (used.length < 2) return;
    plot(used);
  };
  const plot = (used) => {
    const values = used.map((r) => r.level.value).sort((a, b) => a - b);
    wide = Math.min(960, Math.max(280, area.clientWidth)); // on a phone less of it, not all of it smaller
    // The scale follows the bulk: one run that took off must not flatten all the others.
    const edge = values.length > 20 ? Math.ceil(values.length / 50) : 0;
    const ends = (side) => used.map((r) => r.level[side] ?? r.level.value).sort((a, b) => a - b);
    let [low, high] = [ends("low")[edge], ends("high")[values.length - 1 - edge]];
    const room = (high - low || Math.abs(high) || 1) * 0.08;
    [low, high] = [low - room, high + room];
    const y = (value) => BASE - ((Math.min(high, Math.max(low, value)) - low) / (high - low)) * (BASE - TOP);
    const x = (i) => LEFT + 8 + (i * (wide - LEFT - 20)) / Math.max(1, used.length - 1);
    points = used.map((r, i) => ({ r, x: x(i), y: y(r.level.value) }));
    const dense = points.length > 300; // then bars and large marks would only be a blot
    const spans = points.filter(({ r }) => r.level.low !== null && !dense)
      .map(({ r, x }) => `M${x.toFixed(1)} ${y(r.level.low).toFixed(1)}V${y(r.level.high).toFixed(1)}`).join("");
    const step = Math.max(1, Math.ceil(points.length / 60));
    const middle = [];
    for (let i = 0; i < points.length; i += step) {
      const part = points.slice(i, i + step);
      middle.push(`${((part[0].x + part[part.length - 1].x) / 2).toFixed(1)} ${median(part.map((p) => p.y)).toFixed(1)}`);
    }
    const line = ["halo", "middle"].map((name) => draw("path", { class: name, d: `M${middle.join("L")}` }));
    const marks = Object.keys(signs).map((name) => draw("path", {
      class: `mark ${name}`,
      d: points.filter((p) => tone(p.r.tone) === name)
        .map((p) => `M${p.x.toFixed(1)} ${p.y.toFixed(1)}${MARKS[name] || MARKS.other}`).join(""),
    }));
    const scale = [low + room, high - room].map((value) => [
      draw("path", { class: "axis", d: `M${LEFT} ${y(value).toFixed(1)}H${wide}` }),
      draw("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)),
    ]).flat();
    const beyond = used.filter((r) => r.level.value < low || r.level.value > high).length;
    const [first, last] = [used[0], used[used.length - 1]];
    const says = `${state.metric} of the candidates of ${number.format(used.length)} reports, ${first.date} to ${last.date}: ` +
      `first ${short(first.level.value)}, last ${short(last.level.value)}, from ${short(values[0])} to ${short(values[values.length - 1])}.`;
    area.replaceChildren(draw("svg", { viewBox: `0 0 ${wide} ${HIGH}`, role: "img", "aria-label": says, class: dense ? "dense" : "" },
      ...scale, draw("path", { class: "span", d: spans }), ...(dense ? [...marks, ...line] : [...line, ...marks]),
      draw("text", { x: LEFT + 8, y: HIGH - 6 }, first.date),
      draw("text", { x: wide - 12, y: HIGH - 6, "text-anchor": "end" }, last.date),
      draw("path", { class: "here" })));
    caption = `${says} Dots: improved, crosses: regressed, rings: all else; ${dense ? "" : "bars are 95% intervals, "}the line is ` +
      `${step > 1 ? `the median of every ${step} reports` : "from report to report"}.` +
      (beyond ? ` Beyond the scale, at its edge: ${number.format(beyond)}.` : "");
    document.querySelector("#trend figcaption").textContent = caption;
  };
  let caption = "";
  const nearest = (event) => {
    const box = document.querySelector("#trend svg").getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * wide;
    return points.reduce((best, p) => (Math.abs(p.x - x) < Math.abs(best.x - x) ? p : best));
  };
  area.addEventListener("pointermove", (event) => {
    const { r, x } = nearest(event);
    document.querySelector("#trend .here").setAttribute("d", `M${x} ${TOP}V${BASE}`);
    document.querySelector("#trend figcaption").textContent = `${r.date}, ${r.title}: ${short(r.level.value)}, ${r.result}`;
  });
  area.addEventListener("pointerleave", () => {
    document.querySelector("#trend .here").removeAttribute("d");
    document.querySelector("#trend figcaption").textContent = caption;
  });
  area.addEventListener("click", (event) => {
    const { r } = nearest(event);
    if (r.files.length) location.href = link(r, r.files[0]);
  });

  // The frame: heads that sort, verdicts that filter, light and dark.
  for (const column of columns) {
    const head = { role: "columnheader", scope: "col", class: column.right ? "right" : undefined };
    const text = column.key ? make("button", { type: "button" }, column.name) : column.name;
    document.querySelector("thead tr").append(
      make("th", column.key ? { ...head, "aria-sort": "none", "data-name": column.name } : head, text));
    if (column.key) text.addEventListener("click", () => {
      state.down = state.sort === column.name ? !state.down : column.name === "Made";
      state.sort = column.name;
      show();
    });
  }
  const tones = new Map(reports.map((r) => [r.result, tone(r.tone)]));
  for (const [result, name] of [...tones].sort()) {
    const button = make("button", { type: "button", class: name, "aria-pressed": "false" }, glyph(name), result, make("span"));
    button.dataset.result = result;
    button.addEventListener("click", () => {
      if (!state.results.delete(result)) state.results.add(result);
      show();
    });
    at("results").append(button);
  }
  at("query").addEventListener("input", () => { state.query = at("query").value; soon(); });
  at("metric").addEventListener("change", () => { state.metric = at("metric").value; trend(); });
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; trend(); } });
  addEventListener("hashchange", () => { restore(); at("query").value = state.query; show(); });

  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const label = () => { at("theme").textContent = isDark() ? "Light" : "Dark"; };
  try { const theme = localStorage.getItem("report-theme"); if (theme) root.dataset.theme = theme; } catch (e) { /* file: */ }
  at("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("report-theme", root.dataset.theme); } catch (e) { /* file: may refuse */ }
    label();
  });
  system.addEventListener("change", label);
  label();

  const newest = reports.map((r) => r.date).sort().at(-1);
  at("subtitle").textContent = reports.length
    ? `${number.format(reports.length)} ${reports.length === 1 ? "report" : "reports"}, the newest of ${newest}`
    : "No report yet.";
  at("list").hidden = !reports.length;
  if (!reports.length) return;
  restore();
  at("query").value = state.query;
  show();
})();
