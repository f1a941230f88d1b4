(() => {
  const buttons = document.querySelectorAll("[data-copy], [data-save]");
  document.querySelectorAll(".buttons, [data-copy][hidden]").forEach((element) => (element.hidden = false));
  const name = document.title.replace(/[^A-Za-z0-9]+/g, "-");

  // The wide picture, on a phone too: it names its lines. On its own it has no style sheet: what
  // the page gave it goes along.
  const svg = () => {
    const chart = document.querySelector(".chart.wide");
    const copy = chart.cloneNode(true);
    const from = [chart, ...chart.querySelectorAll("*")];
    const to = [copy, ...copy.querySelectorAll("*")];
    const kept = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "paint-order", "font", "text-anchor"];
    from.forEach((element, index) => {
      const style = getComputedStyle(element);
      kept.forEach((property) => to[index].style.setProperty(property, style.getPropertyValue(property)));
    });
    const { width, height } = chart.viewBox.baseVal;
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    return { text: new XMLSerializer().serializeToString(copy), width, height };
  };

  const png = () => new Promise((resolve, reject) => {
    const { text, width, height } = svg();
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = width * 2;
      canvas.height = height * 2;
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob(resolve);
    };
    image.onerror = reject;
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  });

  const text = (id) => document.getElementById(id).textContent;
  const kinds = {
    png: { ending: "png", type: "image/png", blob: png },
    svg: { ending: "svg", type: "image/svg+xml", text: () => svg().text },
    markdown: { ending: "md", type: "text/markdown", text: () => text("markdown") },
    block: { ending: "txt", type: "text/plain", text: () => text("block") },
  };
  const blob = async (kind) => (kind.text ? new Blob([kind.text()], { type: kind.type }) : kind.blob());

  const save = async (kind) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await blob(kind));
    link.download = `${name}.${kind.ending}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    return `saved ${link.download}`;
  };

  const copy = async (kind) => {
    try {
      if (kind.text) await navigator.clipboard.writeText(kind.text());
      // Safari asks for the promise, not for what it will hold.
      else await navigator.clipboard.write([new ClipboardItem({ [kind.type]: blob(kind) })]);
      return "copied";
    } catch {
      // Pages from a file, and frames, may not be allowed to.
      return save(kind);
    }
  };

  buttons.forEach((button) => button.addEventListener("click", async () => {
    const { copy: copied, save: saved } = button.dataset;
    const status = button.closest("p").querySelector("[role=status]");
    status.textContent = await (copied ? copy(kinds[copied]) : save(kinds[saved]));
  }));
})();
