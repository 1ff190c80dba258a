"""Bakes a CC0 MakeHuman head and shoulders into a glTF binary with the 52 ARKit blend shapes. Deterministic."""
from . import eyes, glb, hair, lashes, mouth, shirt, skin
from .person import LOWER_LIP, UPPER_LIP, Person, flags
from .skull import Skull


def lip_points(person):
    """Where these vertices are in the neutral face, in metres from the head joint, for tools that measure."""
    origin = person.head * [0, 1, 1]
    return {name: ((person.shape[v] - origin) * glb.METRES).round(6).tolist()
            for name, v in (("upperLip", UPPER_LIP), ("lowerLip", LOWER_LIP))}


def main():
    person = Person(flags())
    face = skin.build(person)
    skull = Skull(person, face)
    parts = [face, *eyes.build(person), *mouth.build(person), lashes.build(person), shirt.build(person, face),
             *hair.build(person, skull)]
    images = {**skin.paint(person, face, skull.hairline), "eye": eyes.paint(person), **mouth.paint(),
              "lash": lashes.paint(person), **shirt.paint(person)}
    if person.args.style != "none":
        images |= hair.paint(person)
    glb.write(person.args.out, person, parts, images, lip_points(person))


main()
