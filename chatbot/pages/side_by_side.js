// Side by side by keyboard: a key presses a button, while the pair is on show.
(() => {
  const KEYS = { a: "a", b: "b", t: "tie", x: "both-bad" };
  document.addEventListener("keydown", (event) => {
    const typing = ["TEXTAREA", "INPUT", "SELECT"].includes(event.target.tagName);
    if (typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    const button = document.querySelector(`#rt-choose-${KEYS[event.key]}`);
    if (!button?.offsetParent) return;
    event.preventDefault();
    button.click();
  });
})();
