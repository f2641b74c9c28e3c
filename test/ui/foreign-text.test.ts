/** What files and other people say of themselves does not act on the panel. */
import type { Options, VNode } from 'preact';
import { escapeForeignText } from '../../ui/components/foreign-text';

const others = jest.fn();
const options: Options = { vnode: others };
escapeForeignText(options);

/** What Preact does of this for every element: its options see it before it is drawn. */
function h(type: string | (() => null), given: object | null, ...children: unknown[]) {
  const props: Record<string, unknown> = { ...given };
  if (children.length > 0) props['children'] = children.length === 1 ? children[0] : children;
  options.vnode!({ type, props } as unknown as VNode);
  return { props };
}

const HOSTILE = 'a\x1b]0;t\x07\x9b\u202eb\u2066';
const SHOWN = 'a\\x1b]0;t\\x07\\x9b\\u202eb\\u2066';

test('text and the attributes that are read out are escaped, once', () => {
  const node = h('p', { title: HOSTILE, 'aria-label': HOSTILE }, HOSTILE);
  expect(node.props).toMatchObject({ title: SHOWN, 'aria-label': SHOWN, children: SHOWN });
  expect(h('p', null, 'of ', HOSTILE, 3).props.children).toEqual(['of ', SHOWN, 3]);
});

test('what is ordinary stays: other scripts, emoji of several parts, lines', () => {
  const ordinary = 'Tinte é 墨 مرحبا 👩‍🎨\n\tx';
  expect(h('p', null, ordinary).props.children).toBe(ordinary);
});

test('what a field holds is left to its user', () => {
  expect(h('input', { value: HOSTILE }).props).toMatchObject({ value: HOSTILE });
});

test('components get what they were given, and escape it where they show it', () => {
  const Name = (): null => null;
  expect(h(Name, { title: HOSTILE }).props).toEqual({ title: HOSTILE });
  expect(others).toHaveBeenCalled();
});
