import type { VariantName } from './worker.mjs'

/**
 * CPU microseconds per operation, of many turns. The least of them is the figure: whatever else the machine does, and a
 * process that V8 has compiled unluckily, can only add to it.
 */
export class Figures {
  /** By row, variant and process. */
  readonly #turns = new Map<string, Map<VariantName, Map<number, number[]>>>()

  add(row: string, variant: VariantName, process: number, micros: number): void {
    const variants = this.#turns.get(row) ?? new Map<VariantName, Map<number, number[]>>()
    this.#turns.set(row, variants)
    const processes = variants.get(variant) ?? new Map<number, number[]>()
    variants.set(variant, processes)
    processes.set(process, [...(processes.get(process) ?? []), micros])
  }

  get rows(): string[] {
    return [...this.#turns.keys()]
  }

  has(row: string, variant: VariantName): boolean {
    return this.#turns.get(row)?.has(variant) ?? false
  }

  micros(row: string, variant: VariantName): number {
    return Math.min(...this.#of(row, variant).flat())
  }

  /** To bare. */
  factor(row: string, variant: VariantName): number {
    return this.micros(row, variant) / this.micros(row, 'bare')
  }

  /** How far apart two bare processes that ran side by side were at most, as a part of one. */
  noise(row: string): number {
    const twins = this.#of(row, 'twin')
    const distances = this.#of(row, 'bare').map((turns, process) => {
      const [one, other] = [Math.min(...turns), Math.min(...(twins[process] ?? []))]
      return Math.abs(other / one - 1)
    })
    return Math.max(...distances)
  }

  #of(row: string, variant: VariantName): readonly number[][] {
    return [...(this.#turns.get(row)?.get(variant)?.values() ?? [])]
  }
}
