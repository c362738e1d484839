// The review page by keyboard: every key presses something that is there to be clicked as well.
(() => {
  const KEYS = {
    c: "#rt-claim", r: "#rt-release", s: "#rt-save",
    1: "#rt-filter label:nth-of-type(1)", 2: "#rt-filter label:nth-of-type(2)",
    3: "#rt-answer label:nth-of-type(1)", 4: "#rt-answer label:nth-of-type(2)",
  };
  const move = (step) => {
    const all = [...document.querySelectorAll("#rt-queue input[type=radio]")];
    const now = all.findIndex((one) => one.checked);
    const next = all[now < 0 ? 0 : Math.min(all.length - 1, Math.max(0, now + step))];
    if (next) { next.click(); next.closest("label").scrollIntoView({ block: "nearest" }); }
  };
  const does = (key) => {
    if (key === "j" || key === "k") move(key === "j" ? 1 : -1);
    else if (key === "e") document.querySelector("#rt-better textarea")?.focus();
    else document.querySelector(KEYS[key])?.click();
  };
  document.addEventListener("keydown", (event) => {
    const typing = ["TEXTAREA", "INPUT"].includes(event.target.tagName) && event.target.type !== "radio";
    if (typing) { if (event.key === "Escape") event.target.blur(); return; }
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (KEYS[event.key] || ["j", "k", "e"].includes(event.key)) { event.preventDefault(); does(event.key); }
  });
})();
