import type { VariantName } from './worker.mjs'

/**
 * CPU microseconds per operation, of many turns. The least of them is the figure: whatever else the machine does, and a
 * process that V8 has compiled unluckily, can only add to it.
 */
export class Figures {
  readonly #least = new Map<string, Map<VariantName, number>>()

  add(row: string, variant: VariantName, micros: number): void {
    const variants = this.#least.get(row) ?? new Map<VariantName, number>()
    this.#least.set(row, variants)
    variants.set(variant, Math.min(micros, variants.get(variant) ?? Number.POSITIVE_INFINITY))
  }

  get rows(): string[] {
    return [...this.#least.keys()]
  }

  has(row: string, variant: VariantName): boolean {
    return this.#least.get(row)?.has(variant) ?? false
  }

  micros(row: string, variant: VariantName): number {
    return this.#least.get(row)?.get(variant) ?? Number.NaN
  }

  /** To bare. */
  factor(row: string, variant: VariantName): number {
    return this.micros(row, variant) / this.micros(row, 'bare')
  }

  /** How far apart the figures of two bare programs are that ran side by side, as a part of one. */
  noise(row: string): number {
    return Math.abs(this.factor(row, 'twin') - 1)
  }
}
