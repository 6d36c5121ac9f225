// What the page knows: the readings of /stats of the last seconds, and what five minutes of them
// came to. Knows nothing of the page.

const HISTORY_LENGTH = 300;  // points, one a second
const WINDOW_LENGTH = 5;     // readings; rates and percentiles "now" are over these
const GROUPS = ["read", "write", "other"];
const STAGES = ["latency", "waiting", "serving", "writing"];

function groupsOf(histograms) {
  return GROUPS.map(group => histograms[group]);
}

// The counters and histograms of one pool that rates are made of.
function digestOf(pool) {
  const servers = stage => pool.servers.flatMap(server => groupsOf(server[stage]));
  return { requests: sumOf(pool.requests), errors: sumOf(pool.errors),
    received: pool.bytes_received, sent: pool.bytes_sent,
    latency: histogramOf(...groupsOf(pool.latency)), writing: histogramOf(pool.writing),
    waiting: histogramOf(...servers("waiting")), serving: histogramOf(...servers("serving")) };
}

function addDigests(digests) {
  const sum = { requests: 0, errors: 0, received: 0, sent: 0 };
  for (const name of Object.keys(sum)) {
    sum[name] = digests.reduce((total, digest) => total + digest[name], 0);
  }
  for (const stage of STAGES) {
    sum[stage] = new Map();
    for (const digest of digests) {
      for (const [bound, count] of digest[stage]) {
        sum[stage].set(bound, (sum[stage].get(bound) || 0) + count);
      }
    }
  }
  return sum;
}

// Rates and percentiles between two digests. A pool that is new has no past.
function differenceOf(now, before, seconds) {
  if (!before) return null;
  const rate = name => Math.max(0, (now[name] - before[name]) / seconds);
  const result = { requests: rate("requests"), errors: rate("errors"), received: rate("received"),
    sent: rate("sent") };
  for (const stage of STAGES) {
    result[stage] = percentilesOf(histogramSince(now[stage], before[stage]));
  }
  return result;
}

class Model {
  constructor() {
    this.forget();
  }

  // Another process answers: its counters have nothing to do with those before.
  forget() {
    this.readings = [];
    this.history = [];
    this.stateSince = new Map();
  }

  get stats() {
    return this.readings.at(-1).stats;
  }
  get oldest() {
    return this.readings[0].stats;
  }
  // Seconds that "now" is made of; 0: only one reading yet.
  get span() {
    return this.stats.uptime_seconds - this.oldest.uptime_seconds;
  }

  take(stats) {
    const last = this.readings.at(-1);
    const isOther = last && (last.stats.pid !== stats.pid ||
      last.stats.uptime_seconds > stats.uptime_seconds);
    if (isOther) this.forget();
    const digests = new Map(stats.pools.map(pool => [pool.name, digestOf(pool)]));
    // A pool's name is not empty, so the empty one is free for all of them together.
    digests.set("", addDigests([...digests.values()]));
    this.readings.push({ stats, digests });
    if (this.readings.length > WINDOW_LENGTH + 1) this.readings.shift();
    if (!isOther && last) this.addToHistory(stats.uptime_seconds - last.stats.uptime_seconds);
    this.followStates(stats);
  }

  addToHistory(elapsed) {
    // Seconds in which nobody asked (a hidden page) are gaps.
    const gap = Math.min(HISTORY_LENGTH, Math.max(0, Math.round(elapsed) - 1));
    for (let i = 0; i < gap; ++i) this.history.push(null);
    this.history.push(new Map([...this.readings.at(-1).digests.keys()].map(name =>
      [name, this.now(name)])));
    this.history.splice(0, Math.max(0, this.history.length - HISTORY_LENGTH));
  }

  // Rates and percentiles of the last seconds, of a pool or (empty name) of all; null at first.
  now(name) {
    if (this.span <= 0) return null;
    return differenceOf(this.readings.at(-1).digests.get(name), this.readings[0].digests.get(name),
      this.span);
  }

  // HISTORY_LENGTH values, the last being now; take: what to take of a point.
  series(name, take) {
    const points = this.history.map(point => {
      const value = point && point.get(name);
      return value ? take(value) : null;
    });
    return [...Array(HISTORY_LENGTH - points.length).fill(null), ...points];
  }

  followStates(stats) {
    const present = new Map();
    for (const pool of stats.pools) {
      for (const server of pool.servers) {
        const name = JSON.stringify([pool.name, server.name]);
        const known = this.stateSince.get(name);
        present.set(name, known && known.state === server.state ? known
          : { state: server.state, since: known ? Date.now() : null });
      }
    }
    this.stateSince = present;
  }

  // Seconds since a server came into its state, where this page has seen it; else null.
  secondsInState(pool, server) {
    const { since } = this.stateSince.get(JSON.stringify([pool.name, server.name]));
    return since === null ? null : (Date.now() - since) / 1000;
  }

  before(pool, server) {
    const old = this.oldest.pools.find(each => each.name === pool.name);
    return server ? old && old.servers.find(each => each.name === server.name) : old;
  }

  // [reason, a second, total] of each reason that ever happened, the fastest growing first.
  growth(now, before) {
    return Object.entries(now).filter(([, count]) => count > 0).map(([reason, count]) => {
      const grown = before && this.span > 0 ? count - (before[reason] || 0) : 0;
      return [reason, Math.max(0, grown) / (this.span || 1), count];
    }).sort((a, b) => b[1] - a[1] || b[2] - a[2]);
  }
}

// What is wrong, the worst first: { severity: "bad" | "warn", text }.
function problemsOf(model) {
  const { stats } = model;
  const found = [];
  const add = (severity, text) => found.push({ severity, text });
  for (const pool of stats.pools) {
    for (const server of pool.servers.filter(each => each.state !== "up")) {
      const seconds = model.secondsInState(pool, server);
      const since = seconds === null ? "" : ` for ${formatSpan(seconds)}`;
      add("bad", `Server ${server.name} (${server.address}) of pool ${pool.name} is ` +
        `${server.state}${since}; ${formatShare(server.key_share)} of the keys are its own.`);
    }
  }
  for (const pool of stats.pools) {
    const old = model.before(pool);
    const growing = model.growth(pool.errors, old && old.errors).filter(row => row[1] > 0);
    if (growing.length === 0) continue;
    const reasons = growing.map(([reason, rate]) => `${words(reason)} ${formatCount(rate)}/s`);
    add("warn", `Pool ${pool.name} answers with errors: ${reasons.join(", ")}.`);
  }
  const { memory, process } = stats;
  if (memory.pressure !== "none") {
    add(memory.pressure === "dire" ? "bad" : "warn", `Memory is ${memory.pressure}: ` +
      `${formatBytes(memory.in_use_bytes)} of ${formatBytes(memory.limit_bytes)} in use.`);
  }
  if (process.descriptors_max > 0 && process.open_descriptors > 0.8 * process.descriptors_max) {
    add("warn", `${process.open_descriptors} of ${process.descriptors_max} descriptors are open.`);
  }
  stats.workers.forEach((worker, place) => {
    const old = model.oldest.workers[place];
    for (const [name, what] of [["completion_overflows", "completions overflow"],
      ["events_dropped", "log lines are dropped"]]) {
      if (old && worker[name] > old[name]) add("warn", `Worker ${worker.worker}: ${what}.`);
    }
  });
  if (stats.draining) add("warn", "The process is draining: it takes no new clients and will end.");
  return found.sort((a, b) => (a.severity === b.severity ? 0 : a.severity === "bad" ? -1 : 1));
}

// "timed_out" as an operator reads it.
function words(reason) {
  return reason.replaceAll("_", " ");
}
