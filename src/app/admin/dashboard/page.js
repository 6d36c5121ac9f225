// The page: asks for /stats each second while it is seen, and shows what comes.

const POLL_MS = 1000;
const PATIENCE_MS = 3000;
const TOKEN_NAME = "ringfold-token";

const model = new Model();
const part = id => document.getElementById(id);
let isWithheld = false;
let lastSeen = null;  // when /stats was answered last
let timer = null;
let isAsking = false;

function showVerdict(kind, title, lines) {
  const place = part("verdict");
  if (place.className !== kind) place.className = kind;
  fill(place.querySelector("h2"), [document.createTextNode(title)]);
  fill(place.querySelector("ul"), lines.map(line => element("li", {}, line)));
  const sign = { good: "✓", warn: "!", bad: "✕" }[kind] || "…";
  document.title = `${sign} ringfold ${location.host}`;
}

function judge() {
  const problems = problemsOf(model);
  if (problems.length === 0) {
    const servers = model.stats.pools.reduce((sum, pool) => sum + pool.servers.length, 0);
    showVerdict("good", servers === 1 ? "All well: the server is up"
      : `All well: ${servers} servers are up`, []);
    return;
  }
  const kind = problems[0].severity;
  showVerdict(kind, problems.length === 1 ? "One thing is wrong"
    : `${problems.length} things are wrong`, problems.map(problem => problem.text));
}

function offerPools(pools) {
  const choice = part("pool");
  part("pool-choice").hidden = pools.length < 2;
  fill(choice, [element("option", { value: "" }, "all"),
    ...pools.map(pool => element("option", { value: pool.name }, pool.name))]);
}

function show() {
  const { stats } = model;
  fill(part("identity"), [document.createTextNode(`${location.host}, version ${stats.version}, ` +
    `process ${stats.pid}, up ${formatSpan(stats.uptime_seconds)}, ${stats.io}, ` +
    `${stats.threads} ${stats.threads === 1 ? "worker" : "workers"}`)]);
  judge();
  fill(part("figures"), figuresOf(model));
  fill(part("servers"), serversOf(model));
  offerPools(stats.pools);
  fill(part("errors"), errorsOf(model));
  fill(part("hot"), hotKeysOf(model, isWithheld));
  fill(part("slow"), slowOf(model, isWithheld));
  fill(part("process"), processOf(model));
  fill(part("workers"), workersOf(model));
  part("token-form").hidden = !isWithheld;
  showPlots();
}

function showPlots() {
  const place = part("plots");
  const padding = 30;  // of a panel, with its border
  const gap = 12;
  const whole = place.clientWidth;
  const columns = count => Math.max(200, (whole - gap * (count - 1)) / count - padding);
  const isNarrow = matchMedia("(max-width: 760px)").matches;
  fill(place, plotsOf(model, part("pool").value, Math.floor(columns(isNarrow ? 1 : 2)),
    Math.floor(columns(isNarrow ? 1 : 3))));
}

function showLoss(reason) {
  document.body.classList.add("stale");
  const since = lastSeen === null ? "Nothing has been received yet."
    : `What is below is from ${formatClock(lastSeen / 1000)}.`;
  showVerdict("bad", "Connection lost", [`${reason} ${since} Trying again each second.`]);
}

async function readStats() {
  const token = sessionStorage.getItem(TOKEN_NAME);
  const response = await fetch("/stats", { cache: "no-store",
    headers: token ? { Authorization: `Bearer ${token}` } : {},
    signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!response.ok) throw new Error((await response.text()).trim());
  isWithheld = response.headers.has("X-Ringfold-Withheld");
  return response.json();
}

async function poll() {
  timer = null;
  isAsking = true;
  const begin = performance.now();
  let failure = null;
  try {
    model.take(await readStats());
    lastSeen = Date.now();
  } catch (error) {
    failure = error;
  }
  isAsking = false;
  if (failure === null) {
    document.body.classList.remove("stale");
    show();
  } else {
    showLoss(failure instanceof TypeError ? "ringfold does not answer."
      : failure.name === "TimeoutError" ? `ringfold does not answer within ${PATIENCE_MS / 1000} s.`
        : `ringfold answers: ${failure.message}.`);
  }
  schedule(Math.max(0, POLL_MS - (performance.now() - begin)));
}

function schedule(delay) {
  if (timer === null && !isAsking && !document.hidden) timer = setTimeout(poll, delay);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    clearTimeout(timer);
    timer = null;
  } else {
    schedule(0);
  }
});
window.addEventListener("resize", () => {
  if (model.readings.length > 0) showPlots();
});
part("pool").addEventListener("change", showPlots);
part("token-form").addEventListener("submit", event => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN_NAME, part("token").value);
  part("token").value = "";
});
schedule(0);
