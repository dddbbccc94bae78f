import { describe, expect, it, onTestFinished } from 'vitest'
import { Ledger } from '../../src/core/ledger.ts'
import { ActiveTime } from '../../src/core/time/active-time.ts'
import { Announcer } from '../../src/guard/announcer.ts'
import { Enforcer } from '../../src/guard/enforcer.ts'
import { Judge } from '../../src/guard/judge.ts'
import { Attachment } from '../../src/hosts/attachment.ts'
import { manualClock, WatchError } from '../../src/index.ts'
import { resolveOptions } from '../../src/options.ts'
import { useDatabase } from '../support/database.ts'
import { ToyPool, toyHost } from './toy-pool.ts'

const db = useDatabase()

function newPool() {
  const pool = new ToyPool(db.config, 1)
  onTestFinished(() => pool.destroy())
  return pool
}

/** The guard of a source that has these pools, and may make new ones: those in `parts` then. */
function attach(initial: Record<string, ToyPool>) {
  const clock = manualClock()
  const options = resolveOptions({ clock, reporters: [] })
  const settings = { ...options, remedies: { ...options.remedies } }
  const announcer = new Announcer([])
  const ledger = new Ledger(clock, new ActiveTime(clock, 100), settings.context, settings.queryText, {
    requested: () => {},
    resolved: () => {},
  })
  const judge = new Judge(settings, ledger, announcer, new Enforcer(settings, ledger, announcer))
  let parts = initial
  let renewed = () => {}
  let installed = false
  const source = {
    hosts: () =>
      Object.entries(parts).map(([part, pool]) => ({
        ...toyHost(pool),
        part: part === '' ? undefined : part,
      })),
    install(whenRenewed: () => void) {
      renewed = whenRenewed
      installed = true
      const restore = () => {
        installed = false
      }
      return [{ restore }]
    },
  }
  const begun: object[] = []
  const attachment = new Attachment(source, { name: 'toy', handles: 'raw' }, ledger, judge, (_, pool) => {
    begun.push(pool)
  })
  onTestFinished(() => attachment.unwatch())
  return {
    attachment,
    begun,
    isInstalled: () => installed,
    names: () => [...ledger.pools].map(({ name }) => name),
    renew(next: Record<string, ToyPool>) {
      parts = next
      renewed()
    },
  }
}

const isWatched = (pool: ToyPool) => Object.hasOwn(pool, 'acquire')

describe('the guard of all pools of a source', () => {
  it('names several after their part, and a single one plainly', () => {
    expect(attach({ '': newPool() }).names()).toEqual(['toy'])
    expect(attach({ write: newPool(), read: newPool() }).names()).toEqual(['toy-write', 'toy-read'])
  })

  it('finds the checkout of a client in whichever pool it is from', async () => {
    const [write, read] = [newPool(), newPool()]
    const { attachment } = attach({ write, read })
    const [writer, reader] = [await write.acquire(), await read.acquire()]
    expect(attachment.checkoutOf(writer)?.pool.name).toBe('toy-write')
    expect(attachment.checkoutOf(reader)?.pool.name).toBe('toy-read')
    read.release(reader)
    expect(attachment.checkoutOf(reader)).toBeUndefined()
    expect(attachment.checkoutOf({})).toBeUndefined()
    write.release(writer)
  })

  it('lets go of the pools that a restart has replaced, and leaves those alone that stay', async () => {
    const [old, fresh, kept] = [newPool(), newPool(), newPool()]
    const { attachment, begun, names, renew } = attach({ write: old, read: kept })
    const client = await kept.acquire()
    const checkout = attachment.checkoutOf(client)
    renew({ write: fresh, read: kept })
    expect([old, fresh, kept].map(isWatched)).toEqual([false, true, true])
    expect(names().toSorted()).toEqual(['toy-read', 'toy-write'])
    expect(begun).toEqual([old, kept, fresh])
    expect(attachment.checkoutOf(client)).toBe(checkout)
    expect(checkout?.phase).toBe('out')
    kept.release(client)
  })

  it('watches none of the pools if one of them is watched already', () => {
    const [free, taken] = [newPool(), newPool()]
    attach({ '': taken })
    expect(() => attach({ write: free, read: taken })).toThrow(WatchError)
    expect(isWatched(free)).toBe(false)
    expect(isWatched(taken)).toBe(true)
  })

  it('is off the source and its pools at the end, and stays off through a later restart', () => {
    const [old, fresh] = [newPool(), newPool()]
    const { attachment, begun, names, isInstalled, renew } = attach({ '': old })
    expect([isWatched(old), isInstalled()]).toEqual([true, true])
    attachment.unwatch()
    expect([isWatched(old), isInstalled()]).toEqual([false, false])
    renew({ '': fresh })
    expect(isWatched(fresh)).toBe(false)
    expect(begun).toEqual([old])
    expect(names()).toEqual([])
  })
})
