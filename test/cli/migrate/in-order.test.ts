import { expect, it } from 'vitest'
import type { MigrateEvent } from '../../../src/cli/migrate/events.ts'
import { inOrder } from '../../../src/cli/migrate/in-order.ts'

const retry = (number: number): MigrateEvent => ({ event: 'retry', number, of: 9, pauseMillis: 0 })

it('events are printed at once, and those behind one that takes a moment after it', async () => {
  const printed: unknown[] = []
  const { emit, settled } = inOrder((event) => printed.push(event))
  emit(retry(1))
  expect(printed).toEqual([retry(1)])

  let complete = (_event: MigrateEvent) => {}
  emit(new Promise((resolve) => (complete = resolve)))
  emit(retry(3))
  emit(Promise.resolve(retry(4)))
  await Promise.resolve()
  expect(printed).toEqual([retry(1)])
  complete(retry(2))
  await settled()
  expect(printed).toEqual([1, 2, 3, 4].map(retry))

  emit(retry(5))
  expect(printed.at(-1)).toEqual(retry(5))
})
