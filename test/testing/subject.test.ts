import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createLifeguard, type Lifeguard } from '../../src/index.ts'
import { inspectorFor } from '../../src/testing/subject.ts'
import { LeakCheckError, verifyNone } from '../../src/testing/verify.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()

describe('a set-up in which nothing can be seen', () => {
  it('is refused: no lifeguard', async () => {
    await expect(verifyNone(undefined as unknown as Lifeguard)).rejects.toThrow(
      /expects the lifeguard that watches your pools, got undefined/,
    )
    await expect(verifyNone({} as Lifeguard)).rejects.toThrow(LeakCheckError)
  })

  it('is refused: a lifeguard of another version of the package', async () => {
    const { lifeguard } = guardedPool({ ...db.config, max: 1 })
    await expect(verifyNone({ ...lifeguard })).rejects.toThrow(/another version of pg-lifeguard/)
  })

  it('is refused: a lifeguard that watches no pool', async () => {
    await expect(verifyNone(createLifeguard({ reporters: [] }))).rejects.toThrow(/watches no pool/)
  })

  it('is refused: a pool that was in use before it was watched', async () => {
    const pool = new pg.Pool({ ...db.config, max: 2 })
    const client = await pool.connect()
    const { lifeguard } = guardedPool(db.config, {}, pool)
    onTestFinished(() => client.release())
    await expect(verifyNone(lifeguard)).rejects.toThrow(
      /was in use before it was watched: 1 client was already checked out/,
    )
  })

  it('is refused: a lifeguard that was closed while sessions were out', async () => {
    const { pool, lifeguard } = guardedPool({ ...db.config, max: 1 })
    const client = await pool.connect()
    await lifeguard.close()
    await expect(verifyNone(lifeguard)).rejects.toThrow(
      /close\(\) was called while 1 session was checked out/,
    )
    client.release()
  })
})

it('names the call that was given no lifeguard', () => {
  expect(() => inspectorFor('leakCheck(lifeguard) of Jest', null as unknown as Lifeguard)).toThrow(
    /^leakCheck\(lifeguard\) of Jest expects .*, got null$/,
  )
})
