import { createHash } from 'node:crypto'
import { script, style } from './bundle.ts'

/** The page: one document, which asks for nothing but its own feed. */
export const pageDocument = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>pg-lifeguard</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<div id="page"></div>
<noscript>This page needs JavaScript. The same data without it: pg-lifeguard check, or lifeguardHandler.</noscript>
<script>${script}</script>
</body>
</html>
`

/** For every answer: nothing is cached, framed, or taken for something else. */
export const safeHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  vary: '*',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
}

/** For the document: only its own script and style run, and only its own origin is asked. */
export const documentHeaders: Readonly<Record<string, string>> = {
  ...safeHeaders,
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(style)}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
