(() => {
  "use strict";
  const body = document.body;
  const element = (id) => document.getElementById(id);
  const say = (text) => { element("status").textContent = text; };
  const reload = () => location.reload();

  const copy = element("copy");
  if (copy) {
    const invoice = element("invoice");
    const label = copy.textContent;
    const copied = () => {
      copy.textContent = "Copied";
      setTimeout(() => { copy.textContent = label; }, 2000);
    };
    copy.hidden = false;
    copy.addEventListener("click", () => {
      invoice.select();
      // The clipboard of a page without TLS is reached in the old way only.
      if (navigator.clipboard) navigator.clipboard.writeText(invoice.value).then(copied, () => {});
      else if (document.execCommand("copy")) copied();
    });
  }

  // Counted from when the page came, so that a clock that is wrong here does not matter.
  const end = performance.now() + 1000 * Number(body.dataset.left);
  const grace = 1000 * Number(body.dataset.grace);
  const tick = () => {
    const left = Math.ceil((end - performance.now()) / 1000);
    if (left > 0) {
      const seconds = String(left % 60).padStart(2, "0");
      element("left").textContent = Math.floor(left / 60) + ":" + seconds + " left to pay";
      return;
    }
    if (!body.classList.contains("expired")) {
      body.classList.add("expired");
      element("left").textContent = "This invoice has expired.";
      say("If you have just paid, this page opens in a moment; otherwise it shows a new invoice.");
    }
    if (performance.now() > end + grace) {
      clearInterval(timer);
      reload();
    }
  };
  const timer = setInterval(tick, 1000);
  tick();

  if (!navigator.cookieEnabled) {
    say("Please allow cookies for this site first: without one it cannot know that you have paid.");
    return;
  }
  // The server tells when it is paid. Where that is not to be had, look again from time to time.
  const events = new EventSource(body.dataset.events);
  events.addEventListener("settled", () => {
    events.close();
    clearInterval(timer);
    body.classList.add("paid");
    say("Paid. Opening…");
    reload();
  });
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) setTimeout(reload, 15000);
  });
})();
