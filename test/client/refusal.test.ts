import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { admits, deferred, refuse, translateFailure } from '../../src/client/refusal.ts'
import type { Client, SubmittedQuery } from '../../src/client/types.ts'
import type { Fence } from '../../src/core/client-control.ts'

const client = { query: () => undefined } satisfies Client
const error = new Error('refused')
const fence = (admitsRollback: boolean): Fence => ({
  refusal: (cause) => new Error('fenced', { cause }),
  admitsRollback,
  settled: Promise.resolve(),
  lifted: () => {},
})

describe('a refused statement', () => {
  it('rejects its promise', async () => {
    await expect(refuse(client, error, ['SELECT 1', [1]])).rejects.toBe(error)
  })

  it.each([
    ['as the last argument', (done: (e: unknown) => void) => ['SELECT 1', [1], done]],
    ['in place of the values', (done: (e: unknown) => void) => ['SELECT 1', done]],
    ['in its object', (done: (e: unknown) => void) => [{ text: 'SELECT 1', callback: done }]],
  ])('calls its callback %s, in a later turn', async (_, args) => {
    let early = true
    const failure = await new Promise((resolve) => {
      expect(
        refuse(
          client,
          error,
          args((e) => resolve(early ? 'too early' : e)),
        ),
      ).toBeUndefined()
      early = false
    })
    expect(failure).toBe(error)
  })

  it('fails by its own handler if it submits itself', async () => {
    const query = Object.assign(new EventEmitter(), {
      submit: () => {},
      handleError(this: EventEmitter, failure: unknown) {
        this.emit('error', failure)
      },
    })
    const failed = new Promise((resolve) => query.once('error', resolve))
    expect(refuse(client, error, [query])).toBe(query)
    expect(await failed).toBe(error)
  })
})

describe('a fence', () => {
  it.each([
    ['ROLLBACK', true, true],
    ['rollback; SELECT 1', true, false],
    ['ROLLBACK TO SAVEPOINT a', true, false],
    ['SELECT 1', true, false],
    ['ROLLBACK', false, false],
  ])('%s, where ROLLBACK is admitted: %s', (text, admitsRollback, expected) => {
    expect(admits(fence(admitsRollback), text)).toBe(expected)
  })

  it('stands behind the error that it causes in a statement on its way', () => {
    const answers: unknown[][] = []
    const query: SubmittedQuery = { callback: (...results) => answers.push(results) }
    const failures: boolean[] = []
    translateFailure(query, fence(false), false, () => failures.push(true))
    const cancelled = new Error('canceling statement due to user request')
    query.callback?.(cancelled)
    query.callback?.(null, 'rows')
    expect(answers).toMatchObject([[{ message: 'fenced', cause: cancelled }], [null, 'rows']])
    expect(failures).toEqual([true])
  })

  it('does not stand behind the error of a COMMIT that the server has not answered', () => {
    const answers: unknown[][] = []
    const commit = (): SubmittedQuery => ({ callback: (...results) => answers.push(results) })
    const [unanswered, failed] = [commit(), commit()]
    for (const query of [unanswered, failed]) translateFailure(query, fence(false), true, () => {})
    const lost = new Error('Connection terminated unexpectedly')
    unanswered.callback?.(lost)
    failed.callback?.(Object.assign(new Error('canceled'), { severity: 'ERROR' }))
    expect(answers).toMatchObject([[lost], [{ message: 'fenced' }]])
  })

  it('lets an admitted statement go when the remedy is done, whether it succeeded or not', async () => {
    const order: string[] = []
    const settled = Promise.reject(new Error('the remedy failed')).catch(() => {
      order.push('settled')
    })
    await deferred(settled, ['ROLLBACK'], () => order.push('sent'))
    expect(order).toEqual(['settled', 'sent'])
  })
})
