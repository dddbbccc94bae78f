/** A readable duration: `340 ms`, `4.1 s`, `2 min 5 s`, `3 h 10 min`. */
export function describeMillis(millis: number): string {
  if (millis < 999.5) return `${Math.round(millis)} ms`
  if (millis < 59_950) return `${(millis / 1000).toFixed(1).replace(/\.0$/, '')} s`
  const seconds = Math.round(millis / 1000)
  if (seconds < 3600) return joined(Math.floor(seconds / 60), 'min', seconds % 60, 's')
  const minutes = Math.round(seconds / 60)
  return joined(Math.floor(minutes / 60), 'h', minutes % 60, 'min')
}

function joined(major: number, majorUnit: string, minor: number, minorUnit: string): string {
  return minor === 0 ? `${major} ${majorUnit}` : `${major} ${majorUnit} ${minor} ${minorUnit}`
}

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** `500ms`, `30s`, `5m`, `2h`, `1d`, `1h30m` in milliseconds; undefined for anything else. A unit is required. */
export function readDuration(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|min|[smhd]))+$/.test(text)) return undefined
  let millis = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|min|[smhd])/g)) {
    millis += Number(amount) * (units[unit ?? ''] ?? 0)
  }
  return Math.round(millis)
}
