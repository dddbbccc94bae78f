import { stripVTControlCharacters } from 'node:util'

/** Colours by the number of the escape code that asks for them. */
export interface Palette {
  readonly background: string
  readonly text: string
  readonly codes: Readonly<Record<number, string>>
}

export const palettes: Readonly<Record<'light' | 'dark', Palette>> = {
  light: {
    background: '#f6f8fa',
    text: '#1f2328',
    codes: {
      2: '#59636e',
      31: '#cf222e',
      32: '#1a7f37',
      33: '#9a6700',
      34: '#0969da',
      35: '#8250df',
      36: '#1b7c83',
    },
  },
  dark: {
    background: '#0d1117',
    text: '#e6edf3',
    codes: {
      2: '#9198a1',
      31: '#ff7b72',
      32: '#3fb950',
      33: '#d29922',
      34: '#58a6ff',
      35: '#bc8cff',
      36: '#39c5cf',
    },
  },
}

/** The escape sequence of a style; what it captures are its codes. */
const sequence = new RegExp(`${String.fromCharCode(27)}\\[([\\d;]*)m`)
const size = 14
const charWidth = 8.43
const lineHeight = 20
const margin = 16

/** Output of a terminal, with its colours, as an SVG picture. */
export function terminalPicture(output: string, { background, text, codes }: Palette): string {
  const lines = output.split('\n')
  const columns = Math.max(...lines.map((line) => stripVTControlCharacters(line).length))
  const width = Math.ceil(columns * charWidth + 2 * margin)
  const height = lines.length * lineHeight + 2 * margin
  const rows = lines.map((line, index) => {
    const y = margin + index * lineHeight + size
    return `<text x="${margin}" y="${y}">${spans(line, codes)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>A report of pg-lifeguard on a terminal</title>
<rect width="100%" height="100%" rx="8" fill="${background}"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="${size}" fill="${text}">
${rows.join('\n')}
</g>
</svg>
`
}

function spans(line: string, codes: Palette['codes']): string {
  let fill: string | undefined
  let bold = false
  return line
    .split(sequence)
    .map((part, index) => {
      if (index % 2 === 0) return part === '' ? '' : span(part, fill, bold)
      for (const code of part.split(';').map(Number)) {
        if (code === 1) bold = true
        else if (code === 0 || code === 22 || code === 39) {
          // 22 ends both bold and dim.
          if (code !== 39) bold = false
          fill = undefined
        } else fill = codes[code] ?? fill
      }
      return ''
    })
    .join('')
}

function span(text: string, fill: string | undefined, bold: boolean): string {
  const escaped = text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    // Browsers no longer keep plain spaces, whatever `xml:space` says.
    .replaceAll(' ', '\u00a0')
  const style = `${fill === undefined ? '' : ` fill="${fill}"`}${bold ? ' font-weight="bold"' : ''}`
  return style === '' ? escaped : `<tspan${style}>${escaped}</tspan>`
}
