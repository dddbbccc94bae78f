import { slug } from 'github-slugger'
import { defineConfig } from 'vitepress'
import manifest from '../../../package.json' with { type: 'json' }
import { output, pages, repositoryUrl } from '../pages.ts'
import { sidebar } from '../sidebar.ts'
import { asOnGitHub } from './markdown.ts'

export default defineConfig({
  srcDir: pages,
  outDir: output,
  cacheDir: '../../.tmp/site-cache',
  base: process.env.DOCS_BASE ?? '/',
  lang: 'en',
  title: manifest.name,
  description: manifest.description,
  ignoreDeadLinks: false,
  // The anchors of GitHub, which links in the repository and `docs` of a finding have.
  markdown: { anchor: { slugify: slug }, config: asOnGitHub },
  themeConfig: {
    sidebar,
    outline: [2, 3],
    search: { provider: 'local', options: { detailedView: true } },
    socialLinks: [{ icon: 'github', link: repositoryUrl }],
    nav: [
      { text: 'Guide', link: '/docs/guide' },
      { text: 'Findings', link: '/docs/findings' },
      { text: 'Reference', link: '/docs/reference' },
      { text: 'Changelog', link: '/CHANGELOG' },
    ],
  },
})
