/** Figma's two themes: the variables it gives to plugin windows that ask for them, and the page's own colours. */

export type Theme = 'light' | 'dark';

/** By the name behind --figma-color-: light, dark. */
const COLORS: Readonly<Record<string, readonly [string, string]>> = {
  bg: ['#ffffff', '#2c2c2c'],
  'bg-secondary': ['#f5f5f5', '#383838'],
  'bg-tertiary': ['#e6e6e6', '#444444'],
  'bg-hover': ['#f5f5f5', '#383838'],
  'bg-pressed': ['#e6e6e6', '#444444'],
  'bg-selected': ['#e5f4ff', '#4a5878'],
  'bg-disabled': ['#d9d9d9', '#757575'],
  'bg-inverse': ['#2c2c2c', '#ffffff'],
  'bg-brand': ['#0d99ff', '#0c8ce9'],
  'bg-brand-hover': ['#007be5', '#0a6dc2'],
  'bg-brand-pressed': ['#0768cf', '#105cad'],
  'bg-danger': ['#f24822', '#e03e1a'],
  text: ['#000000e5', '#ffffff'],
  'text-secondary': ['#00000080', '#ffffffb2'],
  'text-tertiary': ['#0000004d', '#ffffff66'],
  'text-disabled': ['#0000004d', '#ffffff66'],
  'text-oninverse': ['#ffffff', '#000000e5'],
  'text-onbrand': ['#ffffff', '#ffffff'],
  'text-brand': ['#007be5', '#7cc4f8'],
  'text-danger': ['#dc3412', '#fca397'],
  'text-warning': ['#b86200', '#f3c11b'],
  'text-success': ['#009951', '#79d297'],
  border: ['#e6e6e6', '#444444'],
  'border-strong': ['#2c2c2c', '#ffffff'],
  'border-selected': ['#0d99ff', '#0c8ce9'],
  'border-brand': ['#bde3ff', '#105cad'],
  'border-danger': ['#ffafa3', '#963323'],
  icon: ['#000000e5', '#ffffff'],
  'icon-secondary': ['#00000080', '#ffffffb2'],
  'icon-tertiary': ['#0000004d', '#ffffff66'],
  'icon-brand': ['#007be5', '#7cc4f8'],
  'icon-onbrand': ['#ffffff', '#ffffff'],
};

/** The rule that defines the variables. */
export function themeCss(theme: Theme): string {
  const declarations = Object.entries(COLORS).map(
    ([name, [light, dark]]) => `--figma-color-${name}:${theme === 'light' ? light : dark}`,
  );
  return `:root{color-scheme:${theme};${declarations.join(';')}}`;
}

/** The class on the window's <html>. */
export const themeClass = (theme: Theme): string => `figma-${theme}`;
