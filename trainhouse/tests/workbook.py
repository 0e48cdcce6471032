"""Workbooks as small as they can be, which need no package to write."""

import zipfile

MAIN, LINKS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://schemas.openxmlformats.org"
SHEET = f'<worksheet xmlns="{MAIN}"><sheetData>{{}}</sheetData></worksheet>'


def workbook(path, **sheets):
    """Write the smallest workbook; a cell is a number, a string, or XML as it is."""

    def cell(place, value):
        if isinstance(value, str) and value.startswith("<"):
            return value.replace("PLACE", place)
        if isinstance(value, str):
            return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
        return "" if value is None else f'<c r="{place}"><v>{value}</v></c>'

    listed = "".join(f'<sheet name="{name}" sheetId="{at}" r:id="r{at}"/>' for at, name in enumerate(sheets, 1))
    office = f"{LINKS}/officeDocument/2006/relationships"
    relation = '<Relationship Id="r{}" Type="{}" Target="{}"/>'
    sheet = f"{office}/worksheet"
    of_sheets = "".join(relation.format(at, sheet, f"worksheets/s{at}.xml") for at in range(1, len(sheets) + 1))
    relations = f'<Relationships xmlns="{LINKS}/package/2006/relationships">{{}}</Relationships>'
    parts = {
        "_rels/.rels": relations.format(relation.format(1, f"{office}/officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{office}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations.format(of_sheets),
    }
    for at, rows in enumerate(sheets.values(), 1):
        cells = ([cell(f"{'ABCDEFG'[x]}{y}", value) for x, value in enumerate(row)] for y, row in enumerate(rows, 1))
        parts[f"xl/worksheets/s{at}.xml"] = SHEET.format("".join(f"<row>{''.join(row)}</row>" for row in cells))
    with zipfile.ZipFile(path, "w") as book:
        for name, content in parts.items():
            book.writestr(name, content)
