(() => {
  "use strict";
  const root = document.documentElement;
  const remember = (key, value) => { try { localStorage.setItem(key, value); } catch (e) { /* file: may refuse */ } };
  const recall = (key) => { try { return localStorage.getItem(key); } catch (e) { return null; } };

  root.classList.add("scripted");

  const themeButton = document.querySelector("[data-toggle=theme]");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const labelTheme = () => { themeButton.textContent = isDark() ? "Light" : "Dark"; };
  if (recall("report-theme")) root.dataset.theme = recall("report-theme");
  themeButton.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remember("report-theme", root.dataset.theme);
    labelTheme();
  });
  system.addEventListener("change", labelTheme);
  labelTheme();

  const codeButton = document.querySelector("[data-toggle=code]");
  codeButton.addEventListener("click", () => {
    const shown = root.classList.toggle("with-code");
    codeButton.setAttribute("aria-pressed", String(shown));
    document.querySelectorAll("details.code").forEach((part) => { part.open = shown; });
  });

  // Only what really scrolls is a stop for the keyboard, and shows that there is more.
  const regions = [...document.querySelectorAll(".rr-scroll, pre[tabindex]")];
  const cue = (part) => {
    const room = part.scrollWidth - part.clientWidth;
    part.classList.toggle("more-before", room > 1 && part.scrollLeft > 1);
    part.classList.toggle("more-after", room > 1 && part.scrollLeft < room - 1);
  };

  // Labels for the cards that wide tables become on a phone; the roles outlive the change of display.
  const phone = matchMedia("screen and (max-width: 640px)");
  const tables = regions.filter((part) => part.querySelector("table") && part.closest(".rr-table:not(.rr-glossary)"));
  const label = (part) => {
    if (part.dataset.labelled) return;
    part.dataset.labelled = "true";
    const table = part.querySelector("table");
    const heads = [...table.querySelectorAll("thead tr:last-child > *")];
    const words = heads.map((head) => head.textContent.trim());
    const role = (found, name) => found.forEach((one) => one.setAttribute("role", name));
    role([table], "table");
    role(table.querySelectorAll("thead, tbody"), "rowgroup");
    role(table.querySelectorAll("tr"), "row");
    role(table.querySelectorAll("th[scope=col], th[scope=colgroup]"), "columnheader");
    role(table.querySelectorAll("th[scope=row]"), "rowheader");
    role(table.querySelectorAll("td"), "cell");
    table.querySelectorAll("tbody tr").forEach((row) => [...row.children].forEach((cell, index) => {
      if (cell.tagName !== "TD") return;
      const inner = document.createElement("div");
      inner.append(...cell.childNodes);
      const name = document.createElement("span");
      name.className = "rr-label";
      name.setAttribute("aria-hidden", "true");
      name.textContent = words[index] || "";
      cell.append(name, inner);
    }));
    const links = heads.flatMap((head) => [...head.querySelectorAll(".rr-definition")]);
    const targets = new Map(links.map((link) => [link.hash, link]));
    if (!targets.size) return;
    const where = document.createElement("p");
    where.className = "rr-note rr-where";
    where.append("Definitions: ");
    [...targets.values()].forEach((link, index) => {
      const copy = link.cloneNode(true);
      copy.className = "";
      where.append(index ? ", " : "", copy);
    });
    part.after(where);
  };
  const stack = () => tables.forEach((part) => {
    part.classList.remove("rr-cards");
    if (!phone.matches || part.scrollWidth <= part.clientWidth + 1) return;
    label(part);
    part.classList.add("rr-cards");
  });
  const settle = () => (stack(), regions).forEach((part) => {
    const scrolls = part.scrollWidth > part.clientWidth + 1;
    if (scrolls) part.tabIndex = 0; else part.removeAttribute("tabindex");
    part.classList.toggle("scrolls", scrolls);
    cue(part);
  });
  regions.forEach((part) => part.addEventListener("scroll", () => cue(part), { passive: true }));
  addEventListener("resize", settle);
  document.addEventListener("toggle", settle, true);
  settle();

  // A link into a folded part unfolds it.
  const reveal = () => {
    let id = "";
    try { id = decodeURIComponent(location.hash.slice(1)); } catch (e) { return; }
    const target = id && document.getElementById(id);
    if (!target) return;
    for (let part = target.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  if (location.hash) reveal();

  const folded = document.querySelector("nav.contents > details");
  const narrow = matchMedia("(max-width: 1099px)");
  const fold = () => { folded.open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  fold();
  folded.addEventListener("click", (event) => { if (narrow.matches && event.target.closest("a")) folded.open = false; });

  const links = new Map([...document.querySelectorAll("nav.contents a")].map((a) => [a.hash.slice(1), a]));
  const heads = [...links.keys()].map((id) => document.getElementById(decodeURIComponent(id))).filter(Boolean);
  let current = null;
  const follow = () => {
    let head = heads[0];
    for (const candidate of heads) {
      if (candidate.getBoundingClientRect().top > 120) break;
      head = candidate;
    }
    const link = head && links.get(encodeURIComponent(head.id)) || head && links.get(head.id);
    if (link === current) return;
    if (current) current.removeAttribute("aria-current");
    current = link;
    if (!link) return;
    link.setAttribute("aria-current", "location");
    const box = folded.parentElement;
    if (!narrow.matches && (link.offsetTop < box.scrollTop + 40 || link.offsetTop > box.scrollTop + box.clientHeight - 60))
      box.scrollTop = link.offsetTop - box.clientHeight / 2;
  };
  addEventListener("scroll", () => requestAnimationFrame(follow), { passive: true });
  follow();

  // Under the pointer: step and value of the curves. Without the script the table beneath the figure has them.
  const written = (value, percent) => (percent ? `${+(100 * value).toPrecision(4)}%` : `${+value.toPrecision(4)}`)
    .replace("-", "\u2212");
  const nearest = (points, step) => points.reduce((a, b) => (Math.abs(b[0] - step) < Math.abs(a[0] - step) ? b : a));
  document.querySelectorAll("figure[data-hover]").forEach((figure) => {
    const drawing = figure.querySelector("svg");
    if (!drawing) return;
    const panels = JSON.parse(figure.dataset.hover);
    const tip = document.createElement("div");
    tip.className = "rr-tip";
    tip.setAttribute("aria-hidden", "true");
    figure.append(tip);
    const hide = () => { tip.style.display = "none"; };
    hide();
    drawing.addEventListener("pointerleave", hide);
    drawing.addEventListener("pointermove", (event) => {
      const area = drawing.getBoundingClientRect();
      const x = (event.clientX - area.left) / area.width;
      const y = (event.clientY - area.top) / area.height;
      const panel = panels.find(({ box }) => x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]);
      if (!panel) { hide(); return; }
      const [first, last] = panel.x;
      const step = first + ((x - panel.box[0]) / (panel.box[2] - panel.box[0])) * (last - first);
      const rows = panel.curves.filter((curve) => curve[2].length).map(([name, colour, points]) => {
        const [at, value, words] = nearest(points, step);
        const row = document.createElement("div");
        const sign = document.createElement("i");
        sign.style.background = colour;
        const where = words ?? `${name}, ${panel.unit} ${at.toLocaleString("en")}`;
        row.append(sign, `${where}: ${written(value, panel.percent)}`);
        return row;
      });
      tip.replaceChildren(...rows);
      tip.style.display = "block";
      const frame = figure.getBoundingClientRect();
      const left = event.clientX - frame.left + 14;
      tip.style.left = `${Math.max(0, Math.min(left, frame.width - tip.offsetWidth - 4))}px`;
      tip.style.top = `${event.clientY - frame.top + 14}px`;
    });
  });

  // Tables as text: signs are left out, an interval follows its value in one cell.
  const cellText = (cell) => {
    const copy = (cell.querySelector(":scope > .rr-label") ? cell.lastElementChild : cell).cloneNode(true);
    copy.querySelectorAll(".rr-hidden, .rr-glyph, .rr-anchor").forEach((part) => part.remove());
    copy.querySelectorAll(".rr-minor").forEach((part) => part.prepend(" "));
    return copy.textContent.replace(/[\s\u200b]+/g, " ").trim();
  };
  const grid = (table) => [...table.querySelectorAll("thead tr:last-child, tbody tr")]
    .map((row) => [...row.children].map(cellText));
  const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
  const line = (cells) => `| ${cells.map((text) => text.replace(/\|/g, "\\|")).join(" | ")} |`;
  const FORMS = {
    Text: (rows) => rows.map((row) => row.join("\t")).join("\n"),
    CSV: (rows) => rows.map((row) => row.map(quoted).join(",")).join("\n"),
    Markdown: ([head, ...rows]) => [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n"),
  };
  const put = async (text) => {
    try { await navigator.clipboard.writeText(text); return true; } catch (e) { /* a page may not be allowed to */ }
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  };
  document.querySelectorAll(".rr-table").forEach((part) => {
    const table = part.querySelector("table");
    const bar = document.createElement("div");
    bar.className = "rr-copy";
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "Copy this table");
    Object.entries(FORMS).forEach(([name, form]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.setAttribute("aria-label", `Copy as ${name}`);
      button.addEventListener("click", async () => {
        button.textContent = (await put(form(grid(table)))) ? "copied" : "not allowed";
        setTimeout(() => { button.textContent = name; }, 1500);
      });
      bar.append(button);
    });
    part.prepend(bar);
  });
  document.addEventListener("copy", (event) => {
    const chosen = getSelection();
    if (chosen.isCollapsed || !chosen.rangeCount) return;
    const range = chosen.getRangeAt(0);
    const within = range.commonAncestorContainer;
    const table = (within.nodeType === 1 ? within : within.parentElement).closest("table");
    const rows = table ? [...table.querySelectorAll("tr")].filter((row) => range.intersectsNode(row)) : [];
    if (rows.length < 2) return;
    event.clipboardData.setData("text/plain", FORMS.Text(rows.map((row) => [...row.children].map(cellText))));
    event.preventDefault();
  });

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("main details:not(.code):not([open])")];
    opened.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((part) => { part.open = false; }));
})();
