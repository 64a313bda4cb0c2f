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

  // The fragment is "#ANCHOR?FILTERS": the part to show, and the state of the filters; both can be missing.
  const fragment = () => {
    const [anchor, ...state] = location.hash.slice(1).split("?");
    return { anchor, state: new URLSearchParams(state.join("?")) };
  };
  const openTarget = () => {
    const { anchor, state } = fragment();
    let target = null;
    try {
      target = anchor && by(decodeURIComponent(anchor));
    } catch { /* not one of this page's anchors */ }
    if (!target) return;
    if (target.tagName !== "DETAILS") {
      if ([...state].length) target.scrollIntoView();
      return;
    }
    const item = target.closest("li");
    if (item && item.hidden) show(true);
    const folded = item && item.closest("details");
    if (folded) folded.open = true;
    target.open = true;
    target.scrollIntoView();
    target.querySelector("summary").focus({ preventScroll: true });
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.getAttribute("href") === location.hash) openTarget();
  });

  let unfolded = [];
  window.addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("#rows details:not([open])")].filter((one) => one !== dead);
    for (const details of unfolded) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const details of unfolded) details.open = false;
  });

  const lists = [by("rows"), by("dead-rows")].filter(Boolean);
  const dead = by("dead");
  const block = by("dead-block");
  const isItem = (item) => item !== block;
  const items = lists.flatMap((list) => [...list.children].filter(isItem));
  const afterBlock = items.find((item) => block && !dead.contains(item)
    && block.compareDocumentPosition(item) & Node.DOCUMENT_POSITION_FOLLOWING);
  let show = () => {};
  let restore = () => {};
  let remember = () => {};
  if (by("tools")) {
    const search = by("search");
    const status = by("status");
    const order = by("order");
    const clear = by("clear");
    const severities = [...document.querySelectorAll("input[name=severity]")];
    const texts = new Map();
    const textOf = (item) => {
      if (!texts.has(item)) texts.set(item, item.textContent.toLowerCase());
      return texts.get(item);
    };
    const sum = (list) => list.reduce((total, item) => total + Number(item.dataset.c), 0);
    const total = sum(items);
    const apply = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = new Set(severities.filter((box) => box.checked).map((box) => box.value));
      for (const item of items) {
        item.hidden = !(wanted.has(item.dataset.s)
          && (!status.value || status.value === item.dataset.t)
          && words.every((word) => textOf(item).includes(word)));
      }
      const fits = items.filter((item) => !item.hidden);
      if (dead) {
        const found = fits.some((item) => dead.contains(item));
        block.hidden = !found;
        if (words.length || status.value) dead.open = found;
      }
      by("shown").textContent = `${sum(fits)} of ${total} findings shown`;
      by("nothing").hidden = fits.length > 0;
      clear.hidden = fits.length === items.length && !search.value && !status.value;
    };
    show = () => {
      search.value = "";
      status.value = "";
      for (const box of severities) box.checked = true;
      apply();
    };
    remember = (anchor = fragment().anchor) => {
      const state = new URLSearchParams();
      const checked = severities.filter((box) => box.checked).map((box) => box.value);
      if (search.value) state.set("search", search.value);
      if (checked.length < severities.length) state.set("severity", checked.join(","));
      if (status.value) state.set("status", status.value);
      if (order.value !== "harm") state.set("order", order.value);
      const filters = state.toString().replaceAll("%2C", ",");
      const now = filters ? `#${anchor}?${filters}` : anchor ? `#${anchor}` : "";
      if (now !== location.hash) history.replaceState(null, "", location.href.split("#")[0] + now);
    };
    let soon;
    const change = () => {
      apply();
      clearTimeout(soon);
      soon = setTimeout(() => remember(""), 200);
    };
    const choose = (select, value) => {
      select.value = [...select.options].some((option) => option.value === value) ? value : select.options[0].value;
    };
    restore = () => {
      const { state } = fragment();
      const wanted = state.has("severity") && new Set(state.get("severity").split(","));
      search.value = state.get("search") || "";
      for (const box of severities) box.checked = !wanted || wanted.has(box.value);
      choose(status, state.get("status"));
      choose(order, state.get("order"));
      sort();
      apply();
    };
    const words = (column) => (item) => item.querySelector(`.c-${column}`).textContent.trim().toLowerCase();
    const by_text = (column) => {
      const text = words(column);
      return (a, b) => (text(a) === "–") - (text(b) === "–") || text(a).localeCompare(text(b));
    };
    const orders = {
      harm: () => 0,
      name: by_text("name"),
      status: by_text("status"),
      owner: by_text("owner"),
      place: by_text("place"),
      pulls: (a, b) => b.dataset.p - a.dataset.p,
      last: (a, b) => b.dataset.l.localeCompare(a.dataset.l),
      spots: (a, b) => b.dataset.n - a.dataset.n,
    };
    const columns = by("columns") ? [...by("columns").children] : [];
    for (const column of columns) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = column.textContent;
      button.title = `Sort: ${[...order.options].find((one) => one.value === column.dataset.order).text}`;
      button.addEventListener("click", () => {
        order.value = column.dataset.order;
        order.dispatchEvent(new Event("change"));
      });
      column.replaceChildren(button);
    }
    const nameOrder = () => {
      for (const column of columns) {
        column.firstChild.setAttribute("aria-pressed", String(column.dataset.order === order.value));
      }
    };
    const sort = () => {
      nameOrder();
      for (const list of lists) {
        list.append(...items.filter((item) => item.parentElement === list).sort(orders[order.value]));
      }
      if (block && order.value === "harm" && afterBlock) afterBlock.before(block);
      else if (block) by("rows").append(block);
    };
    order.addEventListener("change", () => { sort(); change(); });
    search.addEventListener("input", change);
    status.addEventListener("change", change);
    for (const box of severities) box.addEventListener("change", change);
    for (const button of [by("reset"), clear]) {
      button.addEventListener("click", () => { show(); change(); search.focus(); });
    }
    by("tools").addEventListener("submit", (event) => event.preventDefault());
    const unfold = by("unfold");
    const closed = () => items.some((item) => !item.hidden && !item.querySelector("details").open);
    const nameUnfold = () => { unfold.textContent = closed() ? "Unfold all" : "Fold all"; };
    unfold.addEventListener("click", () => {
      const open = closed();
      for (const item of items) if (!item.hidden) item.querySelector("details").open = open;
      if (dead) dead.open = open;
      nameUnfold();
    });
    nameUnfold();
    const step = (by_) => {
      const visible = [...document.querySelectorAll("#rows li[data-s]")]
        .filter((item) => !item.hidden && (!dead || dead.open || !dead.contains(item)));
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
        change();
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
    if ([...fragment().state].length) restore();
    else { sort(); apply(); }
  }
  window.addEventListener("hashchange", () => {
    if ([...fragment().state].length) restore();
    openTarget();
    remember();
  });
  openTarget();
  remember();
})();
