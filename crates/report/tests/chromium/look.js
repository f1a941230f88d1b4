// Runs in the page under test, once it has loaded, and tells the frame around it what it saw.
addEventListener("load", () => {
  const name = (svg) => svg.querySelector("title")?.textContent || svg.getAttribute("aria-label") || svg.outerHTML.slice(0, 80);
  const box = (element) => element.getBoundingClientRect();
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  const drawn = all("svg").filter((svg) => svg.getAttribute("aria-hidden") !== "true");
  const words = (svg) => {
    const ids = (svg.getAttribute("aria-labelledby") ?? "").split(" ").filter(Boolean);
    const texts = ids.map((id) => document.getElementById(id)?.textContent.trim() ?? "");
    return texts.length ? texts.every(Boolean) && texts.join(" ").length > 20 : (svg.getAttribute("aria-label") ?? "").length > 5;
  };
  const nameless = drawn.filter((svg) => svg.getAttribute("role") !== "img" || !words(svg)).map(name);
  const lone = all("svg").filter((svg) => svg.getAttribute("aria-hidden") !== "true" && !svg.closest("figure"));
  nameless.push(...lone.map((svg) => `outside of a figure: ${name(svg)}`));
  const silent = all("figure").filter((figure) => !figure.querySelector("details, figcaption") && !figure.querySelector(".bar-total"));
  nameless.push(...silent.map((figure) => `a figure without words: ${figure.textContent.slice(0, 40)}`));

  const clipped = [];
  const overlapping = [];
  for (const svg of drawn.filter((svg) => box(svg).width && !svg.closest("details:not([open])"))) {
    const frame = box(svg);
    const texts = all("text", svg).map((text) => ({ text: text.textContent, ...box(text).toJSON() }));
    for (const t of texts) {
      if (t.left < frame.left - 0.5 || t.right > frame.right + 0.5 || t.top < frame.top - 2 || t.bottom > frame.bottom + 2) {
        clipped.push(`${name(svg)}: ${t.text}`);
      }
    }
    texts.forEach((a, index) => texts.slice(index + 1).forEach((b) => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      // A line's box is higher than its letters.
      if (across > 1 && down > 4) overlapping.push(`${name(svg)}: "${a.text}" and "${b.text}"`);
    }));
  }

  const { scrollWidth, scrollHeight } = document.documentElement;
  const report = { scroll_width: scrollWidth, scroll_height: scrollHeight, charts: drawn.length, nameless, clipped, overlapping };
  // As text: what it says of the page must not become part of a document again.
  parent.postMessage(JSON.stringify(report).replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`), "*");
});
