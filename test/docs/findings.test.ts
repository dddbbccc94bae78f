import { describe, expect, it } from 'vitest'
import type { Limits } from '../../src/core/findings/limits.ts'
import { type FindingKind, findingKinds, type Outcome, type Remedy } from '../../src/index.ts'
import { resolveOptions } from '../../src/options.ts'
import { type CodeBlock, readPage, tableIn } from './page.ts'
import { expectNothingFound, usePlayer } from './player.ts'

const page = readPage('docs/findings.md')
const play = usePlayer()

const outcomes: Readonly<Record<Remedy, Outcome | undefined>> = {
  report: undefined,
  rollback: 'rolled-back',
  destroy: 'destroyed',
  refuse: 'refused',
  reject: 'rejected',
  reset: 'reset',
}

it('has a section for each kind, in the order of the list, and no other', () => {
  const sections = page.headings.filter(({ depth }) => depth > 1).map(({ title }) => title)
  expect(sections).toEqual(findingKinds)
})

describe.each(findingKinds)('%s', (kind) => {
  const examples = page.blocks.filter(({ anchor }) => anchor === kind)
  const { certainty, limitMillis, remedies } = factsOf(kind)

  it('names its remedies, that of enforce first', () => {
    expect(remedies[0]).toBe(resolveOptions({ mode: 'enforce' }).remedies[kind])
    expect(remedies.toSorted()).toEqual(possibleRemedies(kind))
  })

  it('has wrong and right examples', () => {
    expect(new Set(examples.map(({ flag }) => flag))).toEqual(new Set(['wrong', 'right']))
  })

  it.each(plays(examples, 'wrong'))(
    'is found in the wrong example, line $line, $mode',
    async ({ example, mode }) => {
      const { stage, ended, file, visible } = play(example, mode)
      // A wrong example may end with an error, and one that waits for ever is to be found while it does.
      await Promise.race([ended.catch(() => {}), stage.found(kind)])
      const isClosed = example.code.includes('.end()') && kind === 'long-hold'
      if (isClosed) {
        stage.clock.advance(1_000)
      } else if (limitMillis !== undefined && !stage.kinds().includes(kind)) {
        stage.clock.advance(0.9 * limitMillis)
        expect(stage.kinds()).not.toContain(kind)
        stage.clock.advance(0.2 * limitMillis)
      }

      const finding = await stage.found(kind)
      // A client that its owner has closed is certain to be held in vain, and its slot is freed.
      expect(finding.certainty).toBe(isClosed ? 'certain' : certainty)
      const remedy = mode === 'enforce' ? (isClosed ? 'destroy' : (remedies[0] ?? 'report')) : 'report'
      expect(finding.remedy).toBe(remedy)
      if (mode === 'enforce') expect(finding.outcome).toBe(outcomes[remedy])
      const places = finding.holders?.map(({ origin }) => origin) ?? [finding.origin]
      expect(places.length).toBeGreaterThan(0)
      for (const place of places) {
        expect(place?.file).toBe(file)
        expect(place?.line).toBeGreaterThanOrEqual(visible[0])
        expect(place?.line).toBeLessThanOrEqual(visible[1])
      }
    },
  )

  it.each(plays(examples, 'right'))(
    'nothing is found in the right example, line $line, $mode',
    ({ example, mode }) => expectNothingFound(play(example, mode)),
  )
})

/** What the table under the heading says. */
function factsOf(kind: FindingKind) {
  const [certainty = '', limit = '', remedy = '', others = ''] = tableIn(page.section(kind))[0] ?? []
  const remedies = [...codeIn(remedy).slice(0, 1), ...codeIn(others)] as Remedy[]
  return { certainty, limitMillis: limitIn(limit), remedies }
}

/** Such as `holdMillis`, 30 s: the name of a limit and its default. */
function limitIn(cell: string): number | undefined {
  const [name] = codeIn(cell)
  if (name === undefined) return undefined
  const millis = Number(resolveOptions().limits[name as keyof Limits])
  if (cell !== `\`${name}\`, ${millis / 1000} s`) throw new Error(`${cell} is not a limit with its default`)
  return millis
}

function codeIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)
}

/** The remedies that the option takes for a kind. */
function possibleRemedies(kind: FindingKind): Remedy[] {
  return (Object.keys(outcomes) as Remedy[]).toSorted().filter((remedy) => {
    try {
      return resolveOptions({ remedies: { [kind]: remedy } }).remedies[kind] === remedy
    } catch {
      return false
    }
  })
}

function plays(examples: readonly CodeBlock[], flag: string) {
  return examples
    .filter((example) => example.flag === flag)
    .flatMap((example) =>
      (['observe', 'enforce'] as const).map((mode) => ({ line: example.line, mode, example })),
    )
}
