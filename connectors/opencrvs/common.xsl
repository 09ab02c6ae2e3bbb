<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- common.xsl - what the OpenCRVS stylesheets share: where a record comes from, dates, names, identifiers. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:kw="urn:kinward:mapping:1"
  xmlns="urn:kinward:record:1" exclude-result-prefixes="kw">
  <xsl:param name="registry" select="'opencrvs'"/>
  <xsl:param name="system" select="'opencrvs'"/>
  <xsl:param name="jurisdiction" select="'ZZ'"/>
  <xsl:param name="raw-hash"/>
  <xsl:param name="mapping-id"/>
  <xsl:param name="mapping-version"/>
  <xsl:param name="profile"/>

  <!-- The registry's own country, where it has one: ZZ stands for none given. -->
  <xsl:variable name="own-country">
    <xsl:if test="$jurisdiction != 'ZZ'"><xsl:value-of select="$jurisdiction"/></xsl:if>
  </xsl:variable>

  <xsl:template name="source-record">
    <xsl:param name="id"/>
    <xsl:param name="version"/>
    <sourceRecord>
      <registry><xsl:value-of select="$registry"/></registry>
      <system><xsl:value-of select="$system"/></system>
      <jurisdiction><xsl:value-of select="$jurisdiction"/></jurisdiction>
      <id><xsl:value-of select="$id"/></id>
      <version><xsl:value-of select="$version"/></version>
      <xsl:variable name="instant" select="kw:instant($version)"/>
      <xsl:if test="$instant != ''"><recordedAt><xsl:value-of select="$instant"/></recordedAt></xsl:if>
      <rawFormat><xsl:value-of select="$mapping-id"/></rawFormat>
      <rawHash><xsl:value-of select="$raw-hash"/></rawHash>
      <mapping>
        <id><xsl:value-of select="$mapping-id"/></id>
        <version><xsl:value-of select="$mapping-version"/></version>
      </mapping>
    </sourceRecord>
  </xsl:template>

  <xsl:template name="handling">
    <handling>
      <classification>restricted</classification>
      <xsl:if test="$profile != ''"><redactionProfile><xsl:value-of select="$profile"/></redactionProfile></xsl:if>
    </handling>
  </xsl:template>

  <xsl:template name="text">
    <xsl:param name="element"/>
    <xsl:param name="value"/>
    <xsl:variable name="clean" select="kw:text($value)"/>
    <xsl:if test="$clean != ''">
      <xsl:element name="{$element}"><xsl:value-of select="$clean"/></xsl:element>
    </xsl:if>
  </xsl:template>

  <xsl:template name="name-text">
    <xsl:param name="element"/>
    <xsl:param name="value"/>
    <xsl:variable name="clean" select="kw:name($value)"/>
    <xsl:if test="$clean != ''">
      <xsl:element name="{$element}"><xsl:value-of select="$clean"/></xsl:element>
    </xsl:if>
  </xsl:template>

  <!-- A count that is a whole number; anything else is left to the source. -->
  <xsl:template name="count">
    <xsl:param name="element"/>
    <xsl:param name="value"/>
    <xsl:choose>
      <xsl:when test="kw:text($value) = ''"/>
      <xsl:when test="number($value) &gt;= 0 and number($value) &lt; 1000000000 and floor(number($value)) = number($value)">
        <xsl:element name="{$element}"><xsl:value-of select="number($value)"/></xsl:element>
      </xsl:when>
      <xsl:otherwise><xsl:value-of select="kw:warn('count-not-read', $element)"/></xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <!-- OpenCRVS writes the language of a name into its use, so that a name in two scripts is two names. -->
  <xsl:template name="name-attributes">
    <xsl:param name="use"/>
    <xsl:param name="letters"/>
    <xsl:attribute name="use">registered</xsl:attribute>
    <xsl:variable name="language" select="kw:lower($use)"/>
    <xsl:if test="string-length($language) &gt;= 2 and string-length($language) &lt;= 3 and
                  translate($language, 'abcdefghijklmnopqrstuvwxyz', '') = ''">
      <xsl:attribute name="language"><xsl:value-of select="$language"/></xsl:attribute>
    </xsl:if>
    <xsl:variable name="script" select="kw:script($letters)"/>
    <xsl:if test="$script != 'Zyyy'"><xsl:attribute name="script"><xsl:value-of select="$script"/></xsl:attribute></xsl:if>
  </xsl:template>

  <!-- Numbers of the registry's own country carry it, so that they can be compared exactly; a foreign passport does not. -->
  <xsl:template name="identifier">
    <xsl:param name="type"/>
    <xsl:param name="value"/>
    <xsl:param name="citizenship"/>
    <xsl:variable name="clean" select="kw:text($value)"/>
    <xsl:if test="$clean != ''">
      <identifier>
        <xsl:choose>
          <xsl:when test="kw:text($type) = ''"><type>unknown</type></xsl:when>
          <xsl:otherwise>
            <xsl:copy-of select="kw:coded('type', 'identifier-type', $type, 'http://opencrvs.org/specs/identifier-type')"/>
          </xsl:otherwise>
        </xsl:choose>
        <value><xsl:value-of select="$clean"/></value>
        <xsl:choose>
          <xsl:when test="$type = 'PASSPORT' or $type = 'REFUGEE_NUMBER' or $type = 'ALIEN_NUMBER' or $type = 'OTHER' or
                          $type = 'DRIVING_LICENSE'">
            <xsl:if test="$type = 'PASSPORT' and string-length($citizenship) = 2">
              <issuingCountry><xsl:value-of select="$citizenship"/></issuingCountry>
            </xsl:if>
          </xsl:when>
          <xsl:when test="$own-country != ''"><issuingCountry><xsl:value-of select="$own-country"/></issuingCountry></xsl:when>
        </xsl:choose>
      </identifier>
    </xsl:if>
  </xsl:template>

  <!-- Date of birth from a date or, where there is none, from an age at the event. -->
  <xsl:template name="date-of-birth">
    <xsl:param name="date"/>
    <xsl:param name="age"/>
    <xsl:param name="at"/>
    <xsl:choose>
      <xsl:when test="kw:text($date) != ''"><dateOfBirth><xsl:copy-of select="kw:date($date)"/></dateOfBirth></xsl:when>
      <xsl:when test="kw:text($age) != ''">
        <dateOfBirth><xsl:copy-of select="kw:age($age, 'years', $at)"/></dateOfBirth>
      </xsl:when>
    </xsl:choose>
  </xsl:template>

  <xsl:template name="stated-age">
    <xsl:param name="date"/>
    <xsl:param name="age"/>
    <xsl:if test="kw:text($date) != '' and kw:text($age) != '' and number($age) &gt;= 0">
      <statedAge><value><xsl:value-of select="floor(number($age))"/></value><unit>years</unit></statedAge>
    </xsl:if>
  </xsl:template>

  <!-- Kilograms with a fraction, as OpenCRVS keeps a weight. -->
  <xsl:template name="weight">
    <xsl:param name="kilograms"/>
    <xsl:if test="number($kilograms) &gt; 0 and number($kilograms) &lt; 30">
      <weightGrams><xsl:value-of select="round(number($kilograms) * 1000)"/></weightGrams>
    </xsl:if>
  </xsl:template>

  <xsl:template name="registration-dates">
    <xsl:param name="registered"/>
    <xsl:param name="event"/>
    <xsl:if test="$registered != ''">
      <xsl:variable name="days" select="kw:days($event, substring($registered, 1, 10))"/>
      <xsl:if test="$days != ''"><delayDays><xsl:value-of select="$days"/></delayDays></xsl:if>
    </xsl:if>
  </xsl:template>
</xsl:stylesheet>
