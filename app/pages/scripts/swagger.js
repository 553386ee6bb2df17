"use strict";
SwaggerUIBundle({
  url: document.getElementById("page").dataset.url,
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null,
});
