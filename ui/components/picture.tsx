/** Pictures from bytes. */
import { useEffect, useState } from 'preact/hooks';
import type { Png } from '../ports';
import { Icon } from './icons';

/** The address of a picture in memory; given back when the picture changes or leaves the screen. */
function useAddress(png: Png | null | undefined): string | undefined {
  const [address, setAddress] = useState<string>();
  useEffect(() => {
    if (!png) return setAddress(undefined);
    const made = URL.createObjectURL(new Blob([png as BlobPart], { type: 'image/png' }));
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [png]);
  return address;
}

/** A picture on a chequered background, or the background alone while there is none. */
export function Picture({ png, alt }: { png: Png | null | undefined; alt: string }) {
  const address = useAddress(png);
  return <div class="picture">{address && <img src={address} alt={alt} />}</div>;
}

/** A style's thumbnail: before and after side by side. */
export function Thumb({ png }: { png: Png | null }) {
  const address = useAddress(png);
  return <span class="thumb">{address ? <img src={address} alt="" /> : <Icon name="styles" />}</span>;
}
