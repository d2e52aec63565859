import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * Reads a lake with PostgreSQL's driver for Java: Jdbc URL STATEMENT…
 *
 * <p>Prints the rows of every statement, a cell a line, after a line `statement N`. Everything else is checked here.
 */
final class Jdbc {
    private static final String ENDLESS =
            "SELECT count(*) FROM range(1000000) a(x), range(1000000) b(y) WHERE x + y = 7";

    public static void main(String[] arguments) throws SQLException {
        try (Connection connection = DriverManager.getConnection(arguments[0])) {
            connection.setReadOnly(true);
            for (int number = 1; number < arguments.length; number++) {
                System.out.println("statement " + number);
                printRows(connection, arguments[number]);
            }
            checkMetadata(connection.getMetaData());
            checkParameters(connection);
            checkFetchSize(connection);
            checkTimeout(connection);
            checkRefusal(connection);
        }
    }

    private static void printRows(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            ResultSetMetaData columns = rows.getMetaData();
            while (rows.next()) {
                for (int column = 1; column <= columns.getColumnCount(); column++) {
                    System.out.println(text(rows, column, columns.getColumnType(column)));
                }
            }
        }
    }

    /** Returns a value as `query -o x.csv` writes it. */
    private static String text(ResultSet rows, int column, int type) throws SQLException {
        Object value = rows.getObject(column);
        if (value == null) {
            return "";
        }
        if (value instanceof BigDecimal decimal) {
            return decimal.toPlainString();
        }
        if (value instanceof Double || value instanceof Float) {
            return new BigDecimal(value.toString()).toPlainString();
        }
        if (type == Types.TIMESTAMP || type == Types.TIMESTAMP_WITH_TIMEZONE) {
            OffsetDateTime time = rows.getObject(column, OffsetDateTime.class).withOffsetSameInstant(ZoneOffset.UTC);
            String whole = time.withNano(0).toLocalDateTime().toString();
            String seconds = whole.length() == 16 ? whole + ":00" : whole;
            String fraction = time.getNano() == 0 ? "" : "." + "%09d".formatted(time.getNano()).replaceAll("0+$", "");
            return seconds + fraction + "Z";
        }
        return value.toString();
    }

    private static void checkMetadata(DatabaseMetaData metadata) throws SQLException {
        expect("lake", first(metadata.getCatalogs(), "TABLE_CAT"));
        expect(true, names(metadata.getSchemas(), "TABLE_SCHEM").contains("\nsilver\n"));
        expect(true, names(metadata.getTables(null, "silver", "%", null), "TABLE_NAME").contains("\nklines\n"));
        String types = names(metadata.getTables(null, null, "klines", new String[] {"TABLE"}), "TABLE_TYPE");
        expect(true, types.contains("TABLE"));
        expect(true, names(metadata.getTableTypes(), "TABLE_TYPE").contains("\nTABLE\n"));
        ResultSet columns = metadata.getColumns(null, "silver", "klines", "volume");
        expect(true, columns.next());
        expect(Types.NUMERIC, columns.getInt("DATA_TYPE"));
        expect(true, columns.getString("REMARKS").length() > 10);
        expect(true, names(metadata.getSchemas(null, "si%"), "TABLE_SCHEM").equals("\nsilver\n"));
        expect(true, names(metadata.getTypeInfo(), "TYPE_NAME").contains("\nnumeric\n"));
        expect(true, metadata.getMaxColumnNameLength() > 0);
        expect(true, metadata.getSQLKeywords().length() > 0);
        checkWhatThereIsNoneOf(metadata);
    }

    /** Keys, routines and rights: their lists are empty, and are no errors. */
    private static void checkWhatThereIsNoneOf(DatabaseMetaData metadata) throws SQLException {
        Map<String, Listing> lists = new LinkedHashMap<>();
        lists.put("primary keys", () -> metadata.getPrimaryKeys(null, "silver", "klines"));
        lists.put("indexes", () -> metadata.getIndexInfo(null, "silver", "klines", false, true));
        lists.put("imported keys", () -> metadata.getImportedKeys(null, "silver", "klines"));
        lists.put("exported keys", () -> metadata.getExportedKeys(null, "silver", "klines"));
        lists.put("keys of two tables", () -> metadata.getCrossReference(null, "gold", "bars", null, "silver", "klines"));
        lists.put("row identifiers", () -> metadata.getBestRowIdentifier(null, "silver", "klines", 0, true));
        lists.put("version columns", () -> metadata.getVersionColumns(null, "silver", "klines"));
        lists.put("functions", () -> metadata.getFunctions(null, "silver", "%"));
        lists.put("arguments of functions", () -> metadata.getFunctionColumns(null, "silver", "%", "%"));
        lists.put("procedures", () -> metadata.getProcedures(null, "silver", "%"));
        lists.put("arguments of procedures", () -> metadata.getProcedureColumns(null, "silver", "%", "%"));
        lists.put("rights on tables", () -> metadata.getTablePrivileges(null, "silver", "%"));
        lists.put("rights on columns", () -> metadata.getColumnPrivileges(null, "silver", "klines", "%"));
        lists.put("types of users", () -> metadata.getUDTs(null, "silver", "%", null));
        lists.put("client properties", metadata::getClientInfoProperties);
        for (Map.Entry<String, Listing> list : lists.entrySet()) {
            try (ResultSet rows = list.getValue().read()) {
                if (!list.getKey().equals("version columns") && !list.getKey().equals("client properties")) {
                    expect(false, rows.next());
                }
            } catch (SQLException error) {
                throw new AssertionError(list.getKey(), error);
            }
        }
    }

    /** A question about what there is. */
    private interface Listing {
        ResultSet read() throws SQLException;
    }

    /** A statement is sent with its parameters as text, and from the fifth time on in binary. */
    private static void checkParameters(Connection connection) throws SQLException {
        String sql = "SELECT CAST(? AS BIGINT) + 1, CAST(? AS DECIMAL(20, 8)), CAST(? AS DATE), CAST(? AS TEXT),"
                + " CAST(? AS TIMESTAMP WITH TIME ZONE), CAST(? AS BOOLEAN), CAST(? AS DOUBLE)";
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int time = 0; time < 8; time++) {
                statement.setLong(1, 41);
                statement.setBigDecimal(2, new BigDecimal("1.50000001"));
                statement.setDate(3, Date.valueOf("2024-02-29"));
                statement.setString(4, "it's");
                statement.setTimestamp(5, Timestamp.from(OffsetDateTime.parse("2024-01-02T03:04:05Z").toInstant()));
                statement.setBoolean(6, true);
                statement.setDouble(7, 0.25);
                try (ResultSet rows = statement.executeQuery()) {
                    expect(true, rows.next());
                    expect(42L, rows.getLong(1));
                    expect(new BigDecimal("1.50000001"), rows.getBigDecimal(2));
                    expect("2024-02-29", rows.getDate(3).toString());
                    expect("it's", rows.getString(4));
                    expect(OffsetDateTime.parse("2024-01-02T03:04:05Z"), rows.getObject(5, OffsetDateTime.class));
                    expect(true, rows.getBoolean(6));
                    expect(0.25, rows.getDouble(7));
                }
            }
        }
    }

    /** Rows come in parts, through a portal that is suspended between them. */
    private static void checkFetchSize(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(7);
            try (ResultSet rows = statement.executeQuery("SELECT x FROM range(1000) t(x) ORDER BY x")) {
                long expected = 0;
                while (rows.next()) {
                    expect(expected++, rows.getLong(1));
                }
                expect(1000L, expected);
            }
        }
        connection.commit();
        connection.setAutoCommit(true);
    }

    private static void checkTimeout(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            statement.executeQuery(ENDLESS);
            throw new AssertionError("the statement was not cancelled");
        } catch (SQLException error) {
            expect("57014", error.getSQLState());
        }
    }

    private static void checkRefusal(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("DROP TABLE silver.klines");
            throw new AssertionError("a table was dropped");
        } catch (SQLException error) {
            expect(true, error.getMessage().contains("read-only") || error.getMessage().contains("SELECT"));
        }
    }

    private static String first(ResultSet rows, String column) throws SQLException {
        expect(true, rows.next());
        return rows.getString(column);
    }

    private static String names(ResultSet rows, String column) throws SQLException {
        StringBuilder names = new StringBuilder("\n");
        while (rows.next()) {
            names.append(rows.getString(column)).append('\n');
        }
        return names.toString();
    }

    private static void expect(Object expected, Object found) {
        if (!Objects.equals(expected, found)) {
            throw new AssertionError(found + " instead of " + expected);
        }
    }
}
