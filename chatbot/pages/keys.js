// The review page by keyboard: every key presses something that is there to be clicked as well.
(() => {
  const KEYS = {
    c: "#rt-claim", r: "#rt-release", s: "#rt-save",
    3: "#rt-answer label:nth-of-type(1)", 4: "#rt-answer label:nth-of-type(2)",
  };
  const move = (step) => {
    const all = [...document.querySelectorAll("#rt-queue input[type=radio]")];
    const now = all.findIndex((one) => one.checked);
    const next = all[now < 0 ? 0 : Math.min(all.length - 1, Math.max(0, now + step))];
    if (next) { next.click(); next.closest("label").scrollIntoView({ block: "nearest" }); }
  };
  // Of several findings the keys judge one, which f changes; a hidden row is not there.
  const FINDING = { 1: 1, 2: 2, 5: 3 };
  let finding = 0;
  const findings = () => [...document.querySelectorAll(".rt-finding")].filter((one) => one.offsetParent);
  const judge = (place) => {
    const one = findings()[finding % findings().length];
    one?.querySelector(`label:nth-of-type(${place})`)?.click();
    if (place === 3) choose(one.closest(".rt-finding-row"), 20);
  };
  // The categories come from the server, a moment later; the arrows choose among them.
  const choose = (row, tries) => {
    const box = row?.querySelector(".rt-true input");
    if (box?.offsetParent) box.focus();
    else if (tries) setTimeout(() => choose(row, tries - 1), 100);
  };
  const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
  const among = (input, step) => {
    const all = [...input.closest(".rt-true").querySelectorAll("input")];
    const other = all[(all.indexOf(input) + step + all.length) % all.length];
    other.focus();
    other.click();
  };
  const next = () => {
    const all = findings();
    if (!all.length) return;
    finding = (finding + 1) % all.length;
    all.forEach((one, place) => one.classList.toggle("rt-current", place === finding && all.length > 1));
  };
  const does = (key) => {
    if (key === "j" || key === "k") { finding = 0; move(key === "j" ? 1 : -1); }
    else if (FINDING[key]) judge(FINDING[key]);
    else if (key === "f") next();
    else if (key === "m") document.querySelector("#rt-missed input")?.focus();
    else if (key === "e") document.querySelector("#rt-better textarea")?.focus();
    else document.querySelector(KEYS[key])?.click();
  };
  document.addEventListener("keydown", (event) => {
    const typing = ["TEXTAREA", "INPUT"].includes(event.target.tagName) && event.target.type !== "radio";
    if (typing) { if (event.key === "Escape") event.target.blur(); return; }
    if (STEPS[event.key] && event.target.closest(".rt-true")) {
      event.preventDefault();
      among(event.target, STEPS[event.key]);
      return;
    }
    if (!document.querySelector("#rt-queue")?.offsetParent) return; // another tab is on show
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (KEYS[event.key] || FINDING[event.key] || ["j", "k", "e", "f", "m"].includes(event.key)) { event.preventDefault(); does(event.key); }
  });
})();
