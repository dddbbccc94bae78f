import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Control } from '../../src/client/control.ts'
import type { Client } from '../../src/client/types.ts'
import { systemClock } from '../../src/core/time/clock.ts'
import { failureOf } from '../support/bare-twin.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

const db = useDatabase()

const sleeping = "SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'"

async function control(takeBack: (error: Error) => void = () => {}) {
  const client = new pg.Client(db.config)
  client.on('error', () => {})
  await client.connect()
  onTestFinished(() => client.end())
  const made = new Control(client as unknown as Client, {
    stream: undefined,
    clock: systemClock,
    foreign: new WeakSet(),
    setUpByHost: false,
    tracksState: true,
    takeBack,
    learned: () => false,
  })
  return { client, control: made }
}

describe('the control of a client', () => {
  it('reads one value as text, whatever the application has made of types', async () => {
    const { client, control: made } = await control()
    client.setTypeParser(23, () => 'changed')
    expect(await made.read('SELECT 42')).toBe('42')
  })

  it('says what the client is doing, and resolves when it is ready', async () => {
    const { client, control: made } = await control()
    client.on('drain', () => made.wake())
    const running = client.query('SELECT pg_sleep(0.05)')
    expect([made.work(), made.isReady()]).toEqual(['query', false])
    await made.whenReady()
    expect([made.work(), made.isReady()]).toEqual(['none', true])
    await running
  })

  it('sends a statement ahead of what waits in the client', async () => {
    const { client, control: made } = await control()
    const order: string[] = []
    const statements = [
      client.query('SELECT pg_sleep(0.05)').then(() => order.push('running')),
      client.query('SELECT 2').then(() => order.push('queued')),
      made.runFirst('SELECT 1').then(() => order.push('first')),
    ]
    await Promise.all(statements)
    expect(order).toEqual(['running', 'first', 'queued'])
  })

  it('refuses what waits in the client when a fence goes up, and explains the failure of what runs', async () => {
    const { client, control: made } = await control()
    const running = failureOf(() => client.query('SELECT pg_sleep(10)'))
    await eventually(async () => expect((await db.query(sleeping, [made.pid])).rows).toHaveLength(1))
    const queued = failureOf(() => client.query('SELECT 2'))
    made.fence({
      refusal: (cause) => new Error('fenced', { cause }),
      admitsRollback: false,
      settled: Promise.resolve(),
      lifted: () => {},
    })
    await made.cancel()
    expect(await queued).toMatchObject({ message: 'fenced' })
    expect(await running).toMatchObject({ message: 'fenced', cause: { code: '57014' } })
  })

  it('gives the slot back with the error of the remedy', async () => {
    const taken: Error[] = []
    const { control: made } = await control((error) => taken.push(error))
    const reason = new Error('held too long')
    made.destroy(reason)
    expect(taken).toEqual([reason])
  })
})
