// @ts-check
// One measurement in a process of its own: `worker.mjs SCENARIO VARIANT`.

import { measureBurst } from './burst.mjs'
import { measureCheckouts } from './checkouts.mjs'
import { measureInARow } from './in-a-row.mjs'
import { measureScopes } from './scopes.mjs'
import { measureWaiters } from './waiters.mjs'

const scenarios = {
  checkouts: measureCheckouts,
  waiters: measureWaiters,
  scopes: measureScopes,
  'in-a-row': measureInARow,
  burst: measureBurst,
}

const [, , scenario, variant] = process.argv
const measure = /** @type {((variant: unknown) => Promise<Record<string, number>>) | undefined} */ (
  scenarios[/** @type {keyof typeof scenarios} */ (scenario)]
)
if (measure === undefined) throw new Error(`no scenario ${scenario}`)
const figures = await measure(variant)
if (process.send === undefined) {
  console.log(scenario, variant, figures)
  process.exit()
} else process.send({ node: process.versions.node, figures }, () => process.exit())
