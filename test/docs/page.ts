import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

/** A fenced block of code. */
export interface CodeBlock {
  readonly page: string
  /** Of its first line of code. */
  readonly line: number
  /** Anchor of the heading that it stands under. */
  readonly anchor: string
  readonly language: string
  /** What follows the language after the fence: `wrong`, `right`, `run`. */
  readonly flag: string
  readonly code: string
  /** What a reader does not see: a comment `given` right before the block, and a comment `then` right after it. */
  readonly before: string
  readonly after: string
}

export interface Heading {
  readonly depth: number
  readonly title: string
  readonly anchor: string
}

export interface Link {
  readonly line: number
  readonly target: string
}

export interface Page {
  /** Relative to the repository. */
  readonly path: string
  readonly text: string
  readonly headings: readonly Heading[]
  readonly links: readonly Link[]
  readonly blocks: readonly CodeBlock[]
  /** The lines under a heading, down to the next one of its depth. */
  section(anchor: string): string
}

/** What is read by people, apart from the licence. */
export const pagePaths = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
/** The pages of the examples, whose code is in files of its own. */
export const examplePaths = readdirSync(join(root, 'examples')).map((name) => `examples/${name}/README.md`)

export function readPage(path: string): Page {
  const text = readFileSync(join(root, path), 'utf8')
  const { headings, links, blocks, starts } = parse(path, text.split('\n'))
  return {
    path,
    text,
    headings,
    links,
    blocks,
    section(anchor) {
      const index = headings.findIndex((heading) => heading.anchor === anchor)
      const [heading, start] = [headings[index], starts[index]]
      if (heading === undefined || start === undefined) throw new Error(`${path} has no section #${anchor}`)
      const next = headings.findIndex(({ depth }, other) => other > index && depth <= heading.depth)
      return text.split('\n').slice(start, starts[next]).join('\n')
    },
  }
}

/** `[text](target)`, `[label]: target`, and the pictures of HTML. */
const linkTargets = /(?<=\]\(|^\[[^\]]+\]: |(?:src|srcset|href)=")([^)\s"]+)/g

/** Reads the part of Markdown that is in use here: `#` headings, fences at the start of a line, links, comments. */
function parse(path: string, lines: readonly string[]) {
  const headings: Heading[] = []
  const starts: number[] = []
  const links: Link[] = []
  const blocks: CodeBlock[] = []
  let before = ''

  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? ''
    const fence = /^```(\w*)[ ]?(.*)$/.exec(line)
    if (fence !== null) {
      const end = indexFrom(lines, at + 1, '```')
      const after = commentAt(lines, end + 1, 'then')
      blocks.push({
        page: path,
        line: at + 2,
        anchor: headings.at(-1)?.anchor ?? '',
        language: fence[1] ?? '',
        flag: fence[2] ?? '',
        code: lines.slice(at + 1, end).join('\n'),
        before,
        after: after?.text ?? '',
      })
      before = ''
      at = after?.end ?? end
      continue
    }
    const hidden = commentAt(lines, at, 'given')
    if (hidden !== undefined) {
      before = hidden.text
      at = hidden.end
      continue
    }
    if (before !== '') throw new Error(`${path}:${at + 1} must be the code that the comment before it is for`)
    const heading = /^(#+) (.*)$/.exec(line)
    if (heading !== null) {
      const title = heading[2] ?? ''
      headings.push({ depth: heading[1]?.length ?? 0, title, anchor: anchorOf(title) })
      starts.push(at + 1)
    }
    for (const [, target = ''] of line.matchAll(linkTargets)) links.push({ line: at + 1, target })
  }
  return { headings, links, blocks, starts }
}

/** As GitHub makes it. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}

/** The outputs, or the blocks of another language, under a heading of a page. */
export function shown(page: string, anchor: string, language = 'text'): string[] {
  return readPage(page)
    .blocks.filter((block) => block.anchor === anchor && block.language === language)
    .map(({ code }) => code)
}

/** The cells of the tables in a text, row by row, without the heads. */
export function tableIn(text: string): string[][] {
  const rows = text
    .split('\n')
    .map((line) => (line.startsWith('|') ? line.split(/(?<!\\)\|/).slice(1, -1) : undefined))
  const isRule = (row: readonly string[] | undefined) => row?.every((cell) => /^ *-+ *$/.test(cell)) === true
  return rows
    .filter((row, index) => row !== undefined && !isRule(row) && !isRule(rows[index + 1]))
    .map((row) => (row ?? []).map((cell) => cell.trim()))
}

function commentAt(lines: readonly string[], at: number, word: string) {
  if (lines[at] !== `<!-- ${word}`) return undefined
  const end = indexFrom(lines, at + 1, '-->')
  return { text: lines.slice(at + 1, end).join('\n'), end }
}

function indexFrom(lines: readonly string[], from: number, line: string): number {
  const index = lines.indexOf(line, from)
  if (index === -1) throw new Error(`line ${from}: nothing ends with ${line} from here on`)
  return index
}
