/**
 * Builds the documentation as a static site, with a search: README, docs/, examples and what else is read by people. Fails if a
 * link or an anchor leads nowhere.
 *
 *   npm run docs                            the site, in site/
 *   DOCS_BASE=/pg-lifeguard/ npm run docs   for a server that has it below a path
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { install, ofSite, siteFolder } from './more-packages.ts'
import { deadLinks } from './site/links.ts'
import { output, pageOf, pages, root, sources } from './site/pages.ts'

await install(...ofSite)
layOut()
const vitepress = join(siteFolder, 'node_modules/vitepress/bin/vitepress.js')
const { status } = spawnSync(process.execPath, [vitepress, 'build', siteFolder], { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)
// For programs that read llms.txt: the pages as they are written.
for (const source of [...sources, 'llms.txt']) cpSync(join(root, source), join(output, source))

const dead = deadLinks(output, process.env.DOCS_BASE ?? '/')
for (const { page, href } of dead) process.stderr.write(`${page}: ${href} leads nowhere\n`)
if (dead.length > 0) process.exitCode = 1
else process.stdout.write(`the site is in ${relative(process.cwd(), output) || '.'}/\n`)

function layOut(): void {
  rmSync(pages, { recursive: true, force: true })
  for (const source of sources) {
    const page = join(pages, pageOf(source))
    mkdirSync(dirname(page), { recursive: true })
    writeFileSync(page, withBothPictures(readFileSync(join(root, source), 'utf8')))
  }
  cpSync(join(root, 'docs/pictures'), join(pages, 'docs/pictures'), { recursive: true })
}

/** A reader of the site chooses between light and dark, whatever the system prefers. */
function withBothPictures(text: string): string {
  const picture =
    /<picture>\s*<source[^>]* srcset="([^"]+)">\s*<img alt="([^"]*)" src="([^"]+)">\s*<\/picture>/g
  return text.replaceAll(
    picture,
    '<img class="on-light" alt="$2" src="./$3"><img class="on-dark" alt="$2" src="./$1">',
  )
}
