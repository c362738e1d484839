// The chat stays at its end when a note opens below it, so that the newest answer and its buttons stay in sight.
(() => {
  const follow = (log) => {
    let atEnd = true;
    log.addEventListener("scroll", () => { atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60; });
    new ResizeObserver(() => { if (atEnd) log.scrollTo(0, log.scrollHeight); }).observe(log);
  };
  new MutationObserver((_, observer) => {
    const log = document.querySelector("#rt-chat [role=log]");
    if (log) { observer.disconnect(); follow(log); }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
