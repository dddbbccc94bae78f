import { expect, it } from 'vitest'
import { pagePaths, readPage } from './page.ts'
import { expectNothingFound, usePlayer } from './player.ts'

const play = usePlayer()
const examples = pagePaths
  .flatMap((path) => readPage(path).blocks)
  .filter(({ flag }) => flag === 'run')
  .map((example) => ({ page: example.page, line: example.line, example }))

it.each(examples)('runs, and nothing is found: $page:$line', ({ example }) =>
  expectNothingFound(play(example, 'observe')),
)

it('leaves out no example by a mistyped flag', () => {
  const flags = pagePaths.flatMap((path) => readPage(path).blocks.map(({ flag }) => flag))
  expect(new Set(flags)).toEqual(new Set(['', 'run', 'wrong', 'right']))
})
