(() => {
  const buttons = document.querySelector(".buttons");
  if (!buttons) return;
  buttons.hidden = false;
  const status = buttons.querySelector("[role=status]");
  const name = document.title.replace(/[^A-Za-z0-9]+/g, "-");

  // A picture on its own has no style sheet: what the page gave it goes along.
  const picture = () => {
    const shown = [...document.querySelectorAll(".chart")].find((svg) => svg.getBoundingClientRect().width);
    const copy = shown.cloneNode(true);
    const from = [shown, ...shown.querySelectorAll("*")];
    const to = [copy, ...copy.querySelectorAll("*")];
    const kept = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "font", "text-anchor"];
    from.forEach((element, index) => {
      const style = getComputedStyle(element);
      kept.forEach((property) => to[index].style.setProperty(property, style.getPropertyValue(property)));
    });
    const { width, height } = shown.viewBox.baseVal;
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    return { text: new XMLSerializer().serializeToString(copy), width, height };
  };

  const save = (blob, ending) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${name}.${ending}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    status.textContent = `saved ${link.download}`;
  };

  const savePng = ({ text, width, height }) => {
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = width * 2;
      canvas.height = height * 2;
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(blob, "png"));
    };
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  };

  buttons.addEventListener("click", async ({ target }) => {
    if (target.dataset.save === "svg") save(new Blob([picture().text], { type: "image/svg+xml" }), "svg");
    if (target.dataset.save === "png") savePng(picture());
    if ("copy" in target.dataset) {
      const text = document.querySelector("#markdown").textContent;
      try {
        await navigator.clipboard.writeText(text);
        status.textContent = "copied";
      } catch {
        save(new Blob([text], { type: "text/markdown" }), "md");
      }
    }
  });
})();
