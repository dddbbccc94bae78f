import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Service } from '../../src/service/ask-service.ts'
import { recordingOf } from '../../src/service/service-recording.ts'

const flight = {
  ...{
    id: 1,
    slot: 0,
    pid: 10,
    requestedAt: 1,
    queued: false,
    acquiredAt: 1,
    transactions: [{ startedAt: 2 }],
  },
  origin: { file: '/srv/app/src/a.ts', line: 3, column: 1 },
}
const pool = {
  name: 'main',
  max: 2,
  omitted: 1,
  levels: [{ at: 1, out: 1, waiting: 0 }],
  checkouts: [flight],
}

function serviceOf(answer: unknown): Service {
  return { url: 'x', workingDirectory: '/srv/app', pages: ['timeline'], ask: async () => answer }
}

it('reads the recording of a service, with its files as they are named here', async () => {
  const ended = { ...flight, id: 2, endedAt: 5 }
  const recording = await recordingOf(serviceOf({ pools: [{ ...pool, checkouts: [ended, flight] }] }))
  expect(recording).toMatchObject([
    { name: 'main', max: 2, omitted: 1, ended: [{ id: 2, endedAt: 5 }], open: [{ id: 1 }] },
  ])
  expect(recording[0]?.open[0]?.origin?.file).toBe(join(process.cwd(), 'src/a.ts'))
})

it('leaves out what it does not understand', async () => {
  const odd = [
    {},
    null,
    { ...flight, id: 'x' },
    { ...flight, origin: { file: 5 } },
    { ...flight, transactions: [{}] },
  ]
  expect(
    (await recordingOf(serviceOf({ pools: [{ ...pool, checkouts: odd, levels: [1] }] })))[0],
  ).toMatchObject({
    ...{ ended: [], open: [], levels: [] },
  })
  for (const answer of [undefined, {}, { pools: 5 }, { pools: [{ name: 5 }, 'x'] }])
    expect(await recordingOf(serviceOf(answer))).toEqual([])
})
