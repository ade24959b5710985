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

  // The width of a printed page cannot be asked for before it is laid out: A4 and Letter both hold this.
  const PRINT_SIZE = { autosize: false, width: 670, height: 250 };
  let isPrinting = false;

  const draw = () => {
    const style = getComputedStyle(root);
    const read = (name) => style.getPropertyValue(name).trim();
    const font = { family: read("--sans"), size: 12, color: read("--ink") };
    for (const element of document.querySelectorAll("[data-figure]")) {
      const figure = paint(figures[element.dataset.figure], style);
      const layout = { ...figure.layout, font, ...(isPrinting ? PRINT_SIZE : { autosize: true }) };
      Plotly.react(element, figure.data, layout, { displayModeBar: false, responsive: true });
    }
  };

  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const label = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  const show = () => { label(); draw(); };

  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; show(); });
  dark.addEventListener("change", show);

  // paper is white: print in the light theme, then go back
  let before;
  window.addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    root.dataset.theme = "light";
    isPrinting = true;
    show();
  });
  window.addEventListener("afterprint", () => {
    if (before) root.dataset.theme = before;
    else delete root.dataset.theme;
    isPrinting = false;
    show();
  });

  show();
})();
