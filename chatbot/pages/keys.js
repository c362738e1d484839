// The review page by keyboard: every key presses a button that is there to be clicked as well.
(() => {
  const KEYS = { c: "rt-claim", 1: "rt-filter-right", 2: "rt-filter-wrong", 3: "rt-answer-right", 4: "rt-answer-wrong",
                 s: "rt-save", r: "rt-release" };
  const press = (id) => { const it = document.getElementById(id); if (it) (it.querySelector("button") || it).click(); };
  const move = (step) => {
    const all = [...document.querySelectorAll("#rt-queue input[type=radio]")];
    if (!all.length) return;
    const now = all.findIndex((one) => one.checked);
    all[Math.min(all.length - 1, Math.max(0, now < 0 ? 0 : now + step))].click();
  };
  document.addEventListener("keydown", (event) => {
    if (!document.getElementById("rt-queue")) return;
    const typing = ["TEXTAREA", "INPUT"].includes(event.target.tagName) && event.target.type !== "radio";
    if (typing) { if (event.key === "Escape") event.target.blur(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "j" || event.key === "k") { event.preventDefault(); move(event.key === "j" ? 1 : -1); return; }
    if (event.key === "e") { event.preventDefault(); document.querySelector("#rt-better textarea")?.focus(); return; }
    if (KEYS[event.key]) { event.preventDefault(); press(KEYS[event.key]); }
  });
})();
