// The parts of the page, each from the model to elements.

function figure(title, value, note, isBad = false) {
  return element("div", { class: isBad ? "figure bad" : "figure" }, element("h3", {}, title),
    element("p", { class: "value" }, value), element("p", {}, note));
}

function figuresOf(model) {
  const { stats } = model;
  const now = model.now("");
  const wait = "…";
  const { p50, p99, p999 } = now ? now.latency : { p50: null, p99: null, p999: null };
  const sum = name => stats.pools.reduce((total, pool) => total + pool[name], 0);
  const errors = stats.pools.reduce((total, pool) => total + sumOf(pool.errors), 0);
  const { memory } = stats;
  return [
    figure("Requests", now ? `${formatCount(now.requests)}/s` : wait,
      `${formatCount(stats.pools.reduce((all, pool) => all + sumOf(pool.requests), 0))} so far`),
    figure("Errors", now ? `${formatCount(now.errors)}/s` : wait,
      `${formatCount(errors)} so far`, Boolean(now && now.errors > 0)),
    figure("Latency, p99", now ? formatSeconds(p99) : wait,
      `p50 ${formatSeconds(p50)}, p99.9 ${formatSeconds(p999)}`),
    figure("Clients", formatCount(sum("clients")),
      `${formatCount(sum("clients_accepted"))} so far`),
    figure("From clients", now ? `${formatBytes(now.received)}/s` : wait,
      now ? `to them ${formatBytes(now.sent)}/s` : wait),
    figure("Memory held", formatBytes(memory.in_use_bytes), memory.limit_bytes > 0
      ? `of ${formatBytes(memory.limit_bytes)}, pressure ${memory.pressure}`
      : "no limit set", memory.pressure === "dire"),
  ];
}

const STATES = { up: ["good", "●"], down: ["bad", "✕"], ejected: ["warn", "▲"] };

function share(value, isPresent = true) {
  return [isPresent ? formatShare(value) : "–", bar([["fill", isPresent ? value : 0]])];
}

function serverRow(model, pool, server, poolRate) {
  const old = model.before(pool, server);
  const isRated = Boolean(old) && model.span > 0;
  const requests = sumOf(server.requests);
  const rate = isRated ? Math.max(0, requests - sumOf(old.requests)) / model.span : 0;
  const errors = model.growth(server.errors, old && old.errors);
  const errorRate = errors.reduce((sum, row) => sum + row[1], 0);
  const serving = isRated ? percentile(histogramSince(histogramOf(...groupsOf(server.serving)),
    histogramOf(...groupsOf(old.serving))), 0.99) : null;
  const [kind, sign] = STATES[server.state] || ["warn", "?"];
  const threads = model.stats.threads;
  const partly = server.workers_up > 0 && server.workers_up < threads
    ? ` for ${threads - server.workers_up} of ${threads} workers` : "";
  return { className: server.state === "up" ? null : "bad", cells: [
    [element("b", {}, server.name), element("div", { class: "quiet" }, server.address)],
    [element("span", { class: `state ${kind}` }, `${sign} ${server.state}${partly}`)],
    share(server.key_share),
    share(poolRate > 0 ? rate / poolRate : 0, poolRate > 0),
    isRated ? `${formatCount(rate)}/s` : "…",
    formatSeconds(serving),
    `${server.connections}`,
    formatCount(server.pending),
    { alarm: errorRate > 0, content: errorRate > 0 ? `${formatCount(errorRate)}/s`
      : formatCount(sumOf(server.errors)) },
  ] };
}

const SERVER_COLUMNS = [["Server", "wide name server"], ["State", "short wide"], ["Keys"], ["Load"],
  ["Requests", "number"], ["p99 there", "number"], ["Connections", "number"],
  ["Pending", "number"], ["Errors", "number"]];

function serversOf(model) {
  return model.stats.pools.map(pool => {
    const old = model.before(pool);
    const total = servers => servers.reduce((sum, server) => sum + sumOf(server.requests), 0);
    const isRated = Boolean(old) && model.span > 0;
    const rate = isRated ? (total(pool.servers) - total(old.servers)) / model.span : 0;
    const down = pool.servers.filter(server => server.state !== "up").length;
    const clients = `${formatCount(pool.clients)} ${pool.clients === 1 ? "client" : "clients"}`;
    const count = `${pool.servers.length - down} of ${pool.servers.length} up, ${clients}`;
    return element("div", { class: "panel" },
      element("div", { class: "heading" }, element("h3", { class: "name" }, pool.name, " ",
        element("span", { class: "quiet" }, `${pool.protocol} on ${pool.listen.join(", ")}`)),
      element("span", { class: "quiet" }, count)),
      table(SERVER_COLUMNS, [...pool.servers]
        .sort((a, b) => (a.state === "up") - (b.state === "up"))
        .map(server => serverRow(model, pool, server, rate))));
  });
}

const PERCENTILES = [["p50", "p50"], ["p99", "p99"], ["p999", "p99.9"]];

function legend(entries) {
  return element("div", { class: "legend" }, ...entries.map(([kind, name, value]) =>
    element("span", { class: `key ${kind}` }, `${name} `, element("b", {}, value))));
}

function stagePlot(model, name, stage, title, note, width, kind = "") {
  const now = model.now(name);
  const value = each => (now ? now[stage][each] : null);
  const lines = Object.fromEntries(PERCENTILES.map(([each]) =>
    [each, model.series(name, point => point[stage][each])]));
  const entries = PERCENTILES.map(([each, text]) => [each, text, formatSeconds(value(each))]);
  return element("div", { class: `panel ${kind}` },
    element("h3", {}, title, " ", element("span", { class: "quiet" }, note)), legend(entries),
    plot({ label: `${title}: ${entries.map(([, text, shown]) => `${text} ${shown}`).join(", ")}`,
      lines, length: HISTORY_LENGTH, width, format: formatSeconds, isLogarithmic: true }));
}

// large and small: the widths of the first two plots and of the others.
function plotsOf(model, name, large, small) {
  const now = model.now(name);
  const entries = ["requests", "errors"].map(kind =>
    [kind, kind, now ? `${formatCount(now[kind])}/s` : "…"]);
  return [
    element("div", { class: "panel large" },
      element("h3", {}, "Rate ", element("span", { class: "quiet" }, "per second")),
      legend(entries),
      plot({ label: `Rate: ${entries.map(([, kind, shown]) => `${kind} ${shown}`).join(", ")}`,
        lines: { requests: model.series(name, point => point.requests),
          errors: model.series(name, point => point.errors) },
        length: HISTORY_LENGTH, width: large, format: formatCount, isLogarithmic: false })),
    stagePlot(model, name, "latency", "Latency", "from received to sent", large, "large"),
    stagePlot(model, name, "waiting", "Waiting", "in the proxy", small),
    stagePlot(model, name, "serving", "Serving", "at the server", small),
    stagePlot(model, name, "writing", "Writing", "to the client", small),
  ];
}

function panel(...children) {
  return element("div", { class: "panel" }, ...children);
}

function note(text) {
  return panel(element("span", { class: "quiet" }, text));
}

function errorsOf(model) {
  const rows = model.stats.pools.flatMap(pool => {
    const old = model.before(pool);
    return model.growth(pool.errors, old && old.errors).map(row => [pool.name, ...row]);
  }).sort((a, b) => b[2] - a[2] || b[3] - a[3]);
  if (rows.length === 0) return [note("None since the start.")];
  return [panel(table([["Reason", "wide"], ["Pool", "wide name"],
    ["Now", "wide number"], ["So far", "wide number"]],
    rows.map(([pool, reason, rate, total]) => ({ cells: [words(reason), pool,
      { alarm: rate > 0, content: `${formatCount(rate)}/s` }, formatCount(total)] }))))];
}

const HOT_KEYS_SHOWN = 10;

// The sketch always holds keys, also when none is hot; then nearly all of a count is its error.
function isCertain(key) {
  return key.error <= key.count / 2;
}

function hotKeysOf(model, isWithheld) {
  const hot = model.stats.hot_keys;
  if (isWithheld) return [note("Not shown without the token.")];
  if (!hot.enabled) return [note("Switched off by the configuration.")];
  const pools = hot.pools.map(pool => ({ ...pool, keys: pool.keys.filter(isCertain) }))
    .filter(pool => pool.keys.length > 0);
  if (pools.length === 0) return [note("No key stands out.")];
  return pools.map(pool => panel(element("h3", { class: "name" }, pool.pool),
    table([["Key", "wide name"], ["Requests", "wide"]],
      pool.keys.slice(0, HOT_KEYS_SHOWN).map(key =>
        ({ cells: [[element("code", {}, key.key_prefix)], share(key.share)] })))));
}

const SLOW_SHOWN = 8;

function slowOf(model, isWithheld) {
  const { slow } = model.stats;
  if (isWithheld) return [note("Not shown without the token.")];
  if (slow.length === 0) return [note("None.")];
  const columns = [["When", "short"], ["Command and key", "wide name"], ["Server", "name"],
    ["Took", "whole"]];
  return [panel(
    legend([["waiting", "waiting", ""], ["serving", "at the server", ""],
      ["writing", "writing", ""]]),
    table(columns, slow.slice(0, SLOW_SHOWN).map(entry => {
      const stages = ["waiting", "serving", "writing"];
      const parts = stages.map(stage => [stage, entry[`${stage}_seconds`]]);
      const total = Math.max(entry.total_seconds, 1e-9);
      return { cells: [formatClock(entry.time_unix_seconds),
        [element("code", {}, `${entry.command} ${entry.key_prefix}`)],
        [entry.server || "several", element("div", { class: "quiet" }, entry.pool)],
        [formatSeconds(entry.total_seconds), " ", element("span", { class: "quiet" },
          parts.map(([stage, value]) => `${stage} ${formatSeconds(value)}`).join(", ")),
        bar(parts.map(([stage, value]) => [stage, value / total]))]] };
    })))];
}

function processOf(model) {
  const { stats, oldest, span } = model;
  const { process, memory, reloads } = stats;
  const cpu = span > 0
    ? formatShare((process.cpu_seconds - oldest.process.cpu_seconds) / span) : "…";
  const rows = [["Processor", `${cpu} of one core`],
    ["Resident memory", formatBytes(process.resident_bytes)],
    ["Held for clients and servers", Object.entries(memory.accounts).map(([account, bytes]) =>
      `${words(account)} ${formatBytes(bytes)}`).join(", ")],
    ["Descriptors", `${process.open_descriptors} of ${process.descriptors_max}`],
    ["Reloads", `${reloads.succeeded} done, ${reloads.failed} refused`]];
  return [panel(element("table", { class: "facts" }, element("tbody", {},
    ...rows.map(([name, value]) => element("tr", {},
      element("th", { scope: "row" }, name), element("td", {}, value))))))];
}

const WORKER_COLUMNS = [["Worker"], ["Clients", "number"], ["Requests", "number"],
  ["Turns", "number"], ["Completions a turn", "wide number"], ["Requests a send", "wide number"],
  ["No buffer", "number"], ["Overflows", "number"], ["Log lines lost", "number"]];

function workersOf(model) {
  const { stats, oldest, span } = model;
  return [panel(table(WORKER_COLUMNS, stats.workers.map((worker, place) => {
    const old = oldest.workers[place] || worker;
    const grown = name => worker[name] - old[name];
    const rate = name => (span > 0 ? `${formatCount(grown(name) / span)}/s` : "…");
    const ratio = (a, b) => (grown(b) > 0 ? digits(grown(a) / grown(b)) : "–");
    return { cells: [`${worker.worker}`, formatCount(worker.clients), rate("requests"),
      rate("ticks"), ratio("completions", "ticks"), ratio("requests", "sends"),
      formatCount(worker.no_buffer),
      { alarm: grown("completion_overflows") > 0,
        content: formatCount(worker.completion_overflows) },
      { alarm: grown("events_dropped") > 0, content: formatCount(worker.events_dropped) }] };
  })))];
}
