// Draws the figures of the page in the colours of its theme, and again when the theme changes.
(() => {
  "use strict";
  const root = document.documentElement;
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const button = document.getElementById("theme");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  // "--name" becomes the value of that CSS variable, anywhere in a figure
  const paint = (value, style) => {
    if (typeof value === "string") return value.startsWith("--") ? style.getPropertyValue(value).trim() : value;
    if (Array.isArray(value)) return value.map((item) => paint(item, style));
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, paint(item, style)]));
    return value;
  };

  const draw = () => {
    const style = getComputedStyle(root);
    const font = { family: style.getPropertyValue("--sans").trim(), size: 12, color: style.getPropertyValue("--ink").trim() };
    for (const element of document.querySelectorAll("[data-figure]")) {
      const figure = paint(figures[element.dataset.figure], style);
      Plotly.react(element, figure.data, { ...figure.layout, font, autosize: true }, { displayModeBar: false, responsive: true });
    }
  };

  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const label = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  const show = () => { label(); draw(); };

  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; show(); });
  dark.addEventListener("change", show);

  // paper is white: print in the light theme, then go back
  let before = null;
  window.addEventListener("beforeprint", () => { before = root.dataset.theme || ""; root.dataset.theme = "light"; show(); });
  window.addEventListener("afterprint", () => { if (before) root.dataset.theme = before; else delete root.dataset.theme; show(); });

  show();
})();
