// @ts-check

/**
 * @typedef {object} Meter In the process that is measured, or around it.
 * @property {() => unknown} begin
 * @property {() => number | Promise<number>} end CPU microseconds since.
 * @property {() => number | Promise<number>} collect The same, of a collection of young garbage.
 * @property {(count: number) => Promise<void>} run
 */

/**
 * CPU microseconds per operation: of the cheapest batch of a turn, and of its share of the garbage. There is room for all
 * the garbage of a turn, so that none is collected in a batch.
 * @param {Pick<import('./operations.mjs').Operation, 'batch' | 'batches'>} row
 * @param {Meter} meter
 */
export async function leastOfTurn({ batch, batches = 20 }, { begin, end, collect, run }) {
  await collect()
  let least = Number.POSITIVE_INFINITY
  for (let done = 0; done < batches; done += 1) {
    await begin()
    await run(batch)
    least = Math.min(least, await end())
  }
  return least / batch + (await collect()) / (batch * batches)
}
