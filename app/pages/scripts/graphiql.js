// Starts GraphiQL on the endpoint that the page names. Subscriptions go over graphql-transport-ws on the same path.
"use strict";
(() => {
  const page = document.getElementById("page");
  const url = page.dataset.url;
  const socket = new URL(url, window.location.href);
  socket.protocol = socket.protocol === "https:" ? "wss:" : "ws:";
  const parameters = new URLSearchParams(window.location.search);
  const example = `# Type a query; Ctrl-Space completes, Ctrl-Enter runs it. For example:

query Overview {
  queueStats { pending processing completed workers }
  particleTypes { type name reactsToAudio }
  jobs(first: 5) { nodes { id kind status progress } }
}

subscription Live {
  allJobUpdates { cursor status progress stage job { id kind } }
}
`;
  const editor = React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url, subscriptionUrl: socket.href }),
    defaultQuery: example,
    query: parameters.get("query") ?? undefined,
    variables: parameters.get("variables") ?? undefined,
    defaultEditorToolsVisibility: true,
  });
  ReactDOM.createRoot(page).render(editor);
})();
