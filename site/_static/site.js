// Search results show an excerpt of each page, which a browser may not read from a file.
if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined")
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// Recorded runs marked so play once when they come into view; who asks for reduced motion sees the end of the run.
document.addEventListener("DOMContentLoaded", () => {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const watch = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      target.querySelector("button").click();
    }
  }, { threshold: 0.3 });
  for (const place of document.querySelectorAll(".replay[data-autoplay]")) {
    if (!place.querySelector("button")) continue;
    if (!still) watch.observe(place);
    else place.querySelector("input").dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
  }
});
