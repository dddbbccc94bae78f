import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, sep } from 'node:path'

interface DeadLink {
  readonly page: string
  readonly href: string
}

/** Links within a built site that lead to no file, or to no element of a page. The generator looks for pages alone. */
export function deadLinks(site: string, base: string): DeadLink[] {
  const entries = readdirSync(site, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      join(parentPath, name)
        .slice(site.length + 1)
        .replaceAll(sep, '/'),
    )
  const pages = new Map(
    files
      .filter((file) => file.endsWith('.html'))
      .map((file) => {
        const html = readFileSync(join(site, file), 'utf8')
        return [file, { links: valuesOf(html, 'href'), anchors: valuesOf(html, 'id') }] as const
      }),
  )
  return [...pages].flatMap(([page, { links }]) =>
    [...links].filter((href) => !leadsSomewhere(page, href)).map((href) => ({ page, href })),
  )

  function leadsSomewhere(page: string, href: string): boolean {
    if (/^(?:[a-z][\w+.-]*:|\/\/)/i.test(href)) return true
    const [path = '', anchor = ''] = href.split('#')
    const target = path === '' ? page : fileOf(page, path)
    if (anchor === '') return files.includes(target)
    return pages.get(target)?.anchors.has(decodeURIComponent(anchor)) === true
  }

  function fileOf(page: string, path: string): string {
    const file = path.startsWith(base) ? path.slice(base.length) : posix.join(posix.dirname(page), path)
    return file === '' || file.endsWith('/') ? `${file}index.html` : file
  }
}

function valuesOf(html: string, attribute: string): ReadonlySet<string> {
  const found = html.matchAll(new RegExp(` ${attribute}="([^"]*)"`, 'g'))
  return new Set(Array.from(found, ([, value = '']) => value))
}
