import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { readPage, root } from '../../docs/page.ts'
import { withoutFigures } from '../../support/figures.ts'

it('examples/incident/README.md shows what the demo prints', async () => {
  const samples = readPage('examples/incident/README.md').blocks.filter(({ language }) => language === 'text')
  expect(samples).toHaveLength(2)
  const printed = comparable(await playDemo())
  for (const { code } of samples) expect(printed).toContain(comparable(code))
})

/** Standard output and errors as they appear on a terminal. Rejects unless all claims of the demo hold. */
async function playDemo(): Promise<string> {
  const tsx = createRequire(import.meta.url).resolve('tsx/cli')
  const child = spawn(`"${process.execPath}" "${tsx}" examples/incident/demo.ts 2>&1`, {
    cwd: root,
    shell: true,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  if (code !== 0) throw new Error(`the demo ended with ${code}:\n${printed}`)
  return printed
}

/** Without pids, on which the width of a table depends, and without line breaks, which depend on the words' length. */
function comparable(output: string): string {
  return withoutFigures(output)
    .replaceAll(/^ +\d+ .*\.\.\.$/gm, (row) => row.replaceAll(/\b\d{3,}\b/g, 'N'))
    .replaceAll(/(?<=session |pg_terminate_backend\()\d+/gi, 'N')
    .replaceAll(/(SELECT|ALTER TABLE)\b[^\n]*\.\.\.$/gm, '$1...')
    .replaceAll(/(?<=all its )\d+(?= clients)/g, 'N')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
