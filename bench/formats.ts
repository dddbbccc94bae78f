/** Between the two in the middle by interpolation; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [below, above] = [
    sorted[Math.floor((sorted.length - 1) / 2)],
    sorted[Math.ceil((sorted.length - 1) / 2)],
  ]
  return ((below ?? Number.NaN) + (above ?? Number.NaN)) / 2
}

export const times = (factor: number) => `${factor.toFixed(2)}x`
export const count = (whole: number) => whole.toLocaleString('en')
