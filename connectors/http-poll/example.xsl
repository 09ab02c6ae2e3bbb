<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!--
  example.xsl - the worked example of README.md: an item of an invented register of births to a common record. Copy it, and
  change the names of the members.
-->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:kw="urn:kinward:mapping:1"
  xmlns:j="http://www.w3.org/2005/xpath-functions" xmlns="urn:kinward:record:1" exclude-result-prefixes="kw j">
  <kw:mapping id="http-poll-example" version="1" format="json"/>
  <xsl:param name="registry"/>
  <xsl:param name="jurisdiction"/>
  <xsl:param name="system" select="'example'"/>
  <xsl:param name="raw-hash"/>
  <xsl:param name="mapping-id"/>
  <xsl:param name="mapping-version"/>

  <xsl:template match="/">
    <xsl:variable name="item" select="j:map[j:string[@key = 'id'] and j:string[@key = 'updated'] and j:map[@key = 'child']]"/>
    <xsl:if test="not($item)">
      <xsl:message terminate="yes">not an item with id, updated and child</xsl:message>
    </xsl:if>
    <xsl:apply-templates select="$item"/>
  </xsl:template>

  <xsl:template match="j:map">
    <record>
      <sourceRecord>
        <registry><xsl:value-of select="$registry"/></registry>
        <system><xsl:value-of select="$system"/></system>
        <jurisdiction><xsl:value-of select="$jurisdiction"/></jurisdiction>
        <id><xsl:value-of select="j:string[@key = 'id']"/></id>
        <version><xsl:value-of select="j:string[@key = 'updated']"/></version>
        <recordedAt><xsl:value-of select="kw:instant(j:string[@key = 'updated'])"/></recordedAt>
        <rawFormat>http-poll-example</rawFormat>
        <rawHash><xsl:value-of select="$raw-hash"/></rawHash>
        <mapping><id><xsl:value-of select="$mapping-id"/></id><version><xsl:value-of select="$mapping-version"/></version></mapping>
      </sourceRecord>
      <eventType>live_birth</eventType>
      <xsl:copy-of select="kw:coded('status', 'status', string(j:string[@key = 'state']))"/>
      <event>
        <xsl:if test="kw:text(j:map[@key = 'child']/j:string[@key = 'born'])">
          <date><xsl:copy-of select="kw:date(j:map[@key = 'child']/j:string[@key = 'born'])"/></date>
        </xsl:if>
        <xsl:for-each select="j:map[@key = 'facility']">
          <place>
            <country><xsl:value-of select="$jurisdiction"/></country>
            <facilityId><xsl:value-of select="kw:text(j:string[@key = 'code'])"/></facilityId>
            <facilityName><xsl:value-of select="kw:text(j:string[@key = 'name'])"/></facilityName>
          </place>
        </xsl:for-each>
      </event>
      <registration>
        <date><xsl:copy-of select="kw:date(j:string[@key = 'registered'])"/></date>
        <number><xsl:value-of select="kw:text(j:string[@key = 'number'])"/></number>
        <office><name><xsl:value-of select="kw:text(j:string[@key = 'office'])"/></name></office>
      </registration>
      <xsl:apply-templates select="j:map[@key = 'child' or @key = 'mother' or @key = 'father']" mode="person"/>
    </record>
  </xsl:template>

  <xsl:template match="j:map" mode="person">
    <party id="{@key}">
      <role><xsl:value-of select="@key"/></role>
      <xsl:if test="j:boolean[@key = 'declaredBy'] = 'true'"><role>informant</role></xsl:if>
      <name use="registered">
        <xsl:for-each select="kw:split(kw:name(j:string[@key = 'given']), ' ')">
          <givenName><xsl:value-of select="."/></givenName>
        </xsl:for-each>
        <familyName><xsl:value-of select="kw:name(j:string[@key = 'family'])"/></familyName>
      </name>
      <xsl:if test="kw:text(j:string[@key = 'nationalId'])">
        <identifier>
          <type>national_id</type>
          <value><xsl:value-of select="kw:text(j:string[@key = 'nationalId'])"/></value>
          <issuingCountry><xsl:value-of select="$jurisdiction"/></issuingCountry>
        </identifier>
      </xsl:if>
      <xsl:choose>
        <xsl:when test="@key = 'child'"><xsl:copy-of select="kw:coded('sex', 'sex', string(j:string[@key = 'sex']))"/></xsl:when>
        <xsl:when test="@key = 'mother'"><sex>female</sex></xsl:when>
      </xsl:choose>
      <xsl:if test="kw:text(j:string[@key = 'born'])">
        <dateOfBirth><xsl:copy-of select="kw:date(j:string[@key = 'born'])"/></dateOfBirth>
      </xsl:if>
      <xsl:if test="@key != 'child'">
        <relationship to="child"><type><xsl:value-of select="@key"/></type></relationship>
      </xsl:if>
    </party>
  </xsl:template>
</xsl:stylesheet>
