// Runs in the page under test: presses every button and notes what it came to.
const granted = "CLIPBOARD" === "granted";
const noted = [];
const clipboard = {
  writeText: async (text) => noted.push(["copied", text.slice(0, 60), text.length]),
  write: async ([item]) => {
    const blob = await item.getType("image/png");
    noted.push(["copied", blob.type, blob.size]);
  },
};
Object.defineProperty(navigator, "clipboard", { value: granted ? clipboard : undefined });
if (granted && !window.ClipboardItem) {
  window.ClipboardItem = class { constructor(items) { this.getType = (type) => items[type]; } };
}
let blob;
URL.createObjectURL = (made) => { blob = made; return "blob:made"; };
HTMLAnchorElement.prototype.click = function () { noted.push(["saved", this.download.split(".").pop(), blob.size]); };

addEventListener("load", async () => {
  for (const button of document.querySelectorAll("button")) {
    const before = noted.length;
    button.click();
    for (let waits = 0; noted.length === before && waits < 200; waits++) await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setTimeout(resolve, 20));
    noted.at(-1)?.push(button.closest("p").querySelector("[role=status]").textContent.split(" ")[0]);
  }
  const seen = document.createElement("pre");
  seen.id = "seen";
  seen.textContent = JSON.stringify(noted).replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
  document.body.append(seen);
});
