import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, beforeEach, expect } from 'vitest'
import type { LifeguardOptions } from '../../src/index.ts'
import { type TestDatabase, useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { type GuardedPool, guardedPool } from '../support/guarded-pool.ts'
import { type ExampleModule, exampleModule } from './example.ts'
import { type CodeBlock, root } from './page.ts'
import { setStage } from './stage.ts'

export interface Playing {
  readonly stage: GuardedPool
  /** Rejects if the example throws. */
  readonly ended: Promise<unknown>
  readonly file: string
  readonly visible: ExampleModule['visible']
}

/** Plays examples on a database of the test file that calls it, each with a guarded pool of its own. */
export function usePlayer(): (block: CodeBlock, mode: LifeguardOptions['mode']) => Playing {
  const db = useDatabase()
  const folder = join(root, '.tmp', `examples-${process.pid}`)
  const toRoot = relative(folder, root)
  const surroundings = { stage: `${toRoot}/test/docs/stage.ts`, lifeguard: `${toRoot}/src/index.ts` }
  let played = 0

  beforeEach(async () => {
    // A statement that the example before left unawaited must not run on the rows of this one.
    await eventually(async () => expect(await db.sessions()).toEqual([]))
    await fillTables(db)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  return (block, mode) => {
    const stage = guardedPool({ ...db.config, max: 2 }, mode === undefined ? {} : { mode })
    setStage(stage)
    played += 1
    const file = join(folder, `line-${block.line}-${played}.ts`)
    const { text, visible } = exampleModule(block, surroundings)
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, text)
    return { stage, ended: import(/* @vite-ignore */ file), file, visible }
  }
}

/** Plays an example that does nothing wrong: in two minutes after it nothing is found, and nobody has forgotten a client. */
export async function expectNothingFound({ stage, ended }: Playing): Promise<void> {
  await ended
  for (let second = 0; second < 120; second += 1) stage.clock.advance(1_000)
  const { checkouts } = stage.lifeguard.snapshot()
  expect(checkouts.filter(({ exemption }) => exemption === undefined)).toEqual([])
  // A finding with a remedy is reported when that is done.
  await stage.lifeguard.close()
  expect(stage.findings).toEqual([])
}

async function fillTables(db: TestDatabase): Promise<void> {
  await db.query('TRUNCATE accounts, items RESTART IDENTITY')
  await db.query('INSERT INTO accounts (id, balance) VALUES (1, 100), (2, 100)')
  await db.query("INSERT INTO items (note) SELECT 'note ' || n FROM generate_series(1, 8) n")
}
