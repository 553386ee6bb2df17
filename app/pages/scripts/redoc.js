"use strict";
(() => {
  const page = document.getElementById("page");
  Redoc.init(page.dataset.url, { disableGoogleFont: true, hideLoading: true }, page);
})();
