import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }

export const root = join(import.meta.dirname, '../..')
/** The pages as the generator reads them, laid out as in the repository. */
export const pages = join(root, '.tmp/site-pages')
export const output = join(root, 'site')
export const repositoryUrl = manifest.repository.url.replace(/^git\+(.*)\.git$/, '$1')

export const examplePages = readdirSync(join(root, 'examples')).filter((name) =>
  existsSync(join(root, 'examples', name, 'README.md')),
)

/** The files of the repository that are pages of the site. */
export const sources: readonly string[] = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  ...examplePages.map((name) => `examples/${name}/README.md`),
]

/** A README is the first page of its folder. */
export function pageOf(source: string): string {
  return source.replace(/(?<=^|\/)README\.md$/, 'index.md')
}

/**
 * Where a link of a page leads on the site. What is a file of the repository and no page is shown there. A link to nothing
 * stays as it is, and the generator refuses it.
 */
export function linkOnSite(page: string, href: string): string {
  if (/^(?:[a-z][\w+.-]*:|#|\/)/i.test(href)) return href
  const [path = '', anchor] = href.split('#')
  const target = posix.join(dirname(page), decodeURI(path)).replace(/\/$/, '')
  const suffix = anchor === undefined ? '' : `#${anchor}`
  const source = [target, posix.join(target, 'README.md')].find((one) => sources.includes(one))
  if (source !== undefined) return `/${pageOf(source)}${suffix}`
  const file = join(root, target)
  if (!existsSync(file)) return href
  return `${repositoryUrl}/${statSync(file).isDirectory() ? 'tree' : 'blob'}/HEAD/${target}${suffix}`
}
