// Numbers: differences of counters and histograms, percentiles, and how they are written. Pure
// functions; nothing here knows the page.

// A histogram is a Map from a bucket's upper bound in seconds to its count.
function histogramOf(...parts) {
  const sum = new Map();
  for (const part of parts) {
    for (const [bound, count] of part.buckets) sum.set(bound, (sum.get(bound) || 0) + count);
  }
  return sum;
}

// What was added between two readings.
function histogramSince(now, before) {
  const difference = new Map();
  for (const [bound, count] of now) {
    const added = count - (before.get(bound) || 0);
    if (added > 0) difference.set(bound, added);
  }
  return difference;
}

function countOf(histogram) {
  let sum = 0;
  for (const count of histogram.values()) sum += count;
  return sum;
}

// The bound that the given part (0.99) of all values does not exceed; null without values.
function percentile(histogram, part) {
  const rank = Math.ceil(countOf(histogram) * part);
  if (rank === 0) return null;
  let seen = 0;
  for (const bound of [...histogram.keys()].sort((a, b) => a - b)) {
    seen += histogram.get(bound);
    if (seen >= rank) return bound;
  }
  return null;
}

function percentilesOf(histogram) {
  return { p50: percentile(histogram, 0.5), p99: percentile(histogram, 0.99),
    p999: percentile(histogram, 0.999) };
}

function sumOf(counts) {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

// Three significant digits, without a power of ten: "0.25", "12.3", "1234".
function digits(value) {
  if (value === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.max(0, Math.min(2, 2 - size)));
}

function formatCount(value) {
  for (const [limit, unit] of [[1e9, " G"], [1e6, " M"], [1e4, " k"]]) {
    if (Math.abs(value) >= limit) return digits(value / (limit === 1e4 ? 1e3 : limit)) + unit;
  }
  return value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : digits(value);
}

function formatBytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let place = 0;
  while (value >= 1024 && place < units.length - 1) {
    value /= 1024;
    ++place;
  }
  return (place === 0 ? String(Math.round(value)) : digits(value)) + " " + units[place];
}

function formatSeconds(value) {
  if (value === null) return "–";
  if (value >= 1) return digits(value) + " s";
  if (value >= 0.001) return digits(value * 1e3) + " ms";
  return digits(value * 1e6) + " µs";
}

function formatShare(value) {
  const percent = value * 100;
  return (percent >= 10 || percent === 0 ? percent.toFixed(0) : percent.toFixed(1)) + " %";
}

// "3 d 4 h", "5 min", "12 s"
function formatSpan(seconds) {
  const whole = Math.floor(seconds);
  if (whole >= 86400) return `${Math.floor(whole / 86400)} d ${Math.floor(whole % 86400 / 3600)} h`;
  if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`;
  if (whole >= 60) return `${Math.floor(whole / 60)} min`;
  return `${whole} s`;
}

function formatClock(unixSeconds) {
  return new Date(unixSeconds * 1000).toLocaleTimeString([], { hour12: false });
}
