"use strict";
(() => {
  const by = (id) => document.getElementById(id);
  const said = by("said");
  let quiet;
  const say = (words) => {
    said.textContent = words;
    clearTimeout(quiet);
    quiet = setTimeout(() => { said.textContent = ""; }, 2500);
  };

  const theme = by("theme");
  const dark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const nameTheme = () => { theme.textContent = dark() ? "Light" : "Dark"; };
  theme.addEventListener("click", () => {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    nameTheme();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
  nameTheme();
  theme.hidden = false;

  const copy = async (text, what) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      if (!done) { say(`Could not copy: ${text}`); return; }
    }
    say(`${what} copied`);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-copy], button[data-link]");
    if (!button) return;
    if ("link" in button.dataset) {
      copy(`${location.href.split("#")[0]}#${button.closest("details").id}`, "Link");
    } else {
      const fingerprint = button.closest(".acts").querySelector("code").textContent;
      copy(button.dataset.copy + fingerprint, button.textContent.replace("Copy ", ""));
    }
  });

  const openTarget = () => {
    const target = location.hash.length > 1 && by(decodeURIComponent(location.hash.slice(1)));
    if (!target || target.tagName !== "DETAILS") return;
    const item = target.closest("li");
    if (item && item.hidden) show(true);
    target.open = true;
    target.scrollIntoView();
    target.querySelector("summary").focus({ preventScroll: true });
  };
  window.addEventListener("hashchange", openTarget);

  let unfolded = [];
  window.addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("details:not([open])")];
    for (const details of unfolded) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const details of unfolded) details.open = false;
  });

  const list = by("cards");
  const items = list ? [...list.children] : [];
  let show = () => {};
  if (list) {
    const search = by("search");
    const status = by("status");
    const order = by("order");
    const severities = [...document.querySelectorAll("input[name=severity]")];
    const texts = new Map();
    const textOf = (item) => {
      if (!texts.has(item)) texts.set(item, item.textContent.toLowerCase());
      return texts.get(item);
    };
    const apply = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = new Set(severities.filter((box) => box.checked).map((box) => box.value));
      let count = 0;
      for (const item of items) {
        const fits = wanted.has(item.dataset.s)
          && (!status.value || status.value === item.dataset.t)
          && words.every((word) => textOf(item).includes(word));
        item.hidden = !fits;
        if (fits) count += 1;
      }
      by("shown").textContent = `${count} of ${items.length} shown`;
      by("nothing").hidden = count > 0;
    };
    show = () => {
      search.value = "";
      status.value = "";
      for (const box of severities) box.checked = true;
      apply();
    };
    const orders = {
      harm: () => 0,
      pulls: (a, b) => b.dataset.p - a.dataset.p,
      last: (a, b) => b.dataset.l.localeCompare(a.dataset.l),
      spots: (a, b) => b.dataset.n - a.dataset.n,
    };
    order.addEventListener("change", () => {
      list.append(...[...items].sort(orders[order.value]));
    });
    search.addEventListener("input", apply);
    status.addEventListener("change", apply);
    for (const box of severities) box.addEventListener("change", apply);
    by("reset").addEventListener("click", () => { show(); search.focus(); });
    by("tools").addEventListener("submit", (event) => event.preventDefault());
    const unfold = by("unfold");
    unfold.addEventListener("click", () => {
      const open = unfold.textContent === "Unfold all";
      for (const item of items) if (!item.hidden) item.querySelector("details").open = open;
      unfold.textContent = open ? "Fold all" : "Unfold all";
    });
    const step = (by_) => {
      const visible = [...list.children].filter((item) => !item.hidden);
      if (!visible.length) return;
      const now = visible.findIndex((item) => item.contains(document.activeElement));
      const next = visible[Math.min(Math.max(now + by_, 0), visible.length - 1)];
      next.querySelector("summary").focus();
    };
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape" && (search.value || document.activeElement === search)) {
        search.value = "";
        search.blur();
        apply();
      } else if (event.target.matches("input[type=search], select, textarea")) {
        return;
      } else if (event.key === "/") {
        event.preventDefault();
        search.focus();
      } else if (event.key === "j") {
        step(1);
      } else if (event.key === "k") {
        step(-1);
      }
    });
    by("tools").hidden = false;
    apply();
  }
  openTarget();
})();
